"""A reader: one JSON object per line, as a shop's log has it."""

from __future__ import annotations

from recsys_core.data.archive import RawFile
from recsys_core.data.readers import Events, register_reader
from recsys_core.errors import DataError
from recsys_core.reading import parse_json


def is_log(head: bytes) -> bool:
    """Tell the log from other files of JSON lines, by its first lines."""
    return b'"reader"' in head


@register_reader(
    "shop-log",
    title="the shop's log: a JSON object per line",
    suffixes=(".jsonl", ".ndjson"),
    recognises=is_log,
)
def read_log(file: RawFile) -> Events:
    """Read lines such as ``{"reader": "ann", "book": "b7", "stars": 4, "at": 1700000000}``."""
    rows = []
    for number, line in enumerate(file.read().splitlines(), 1):
        try:
            row = parse_json(line)
            rows.append((row["reader"], row["book"], row["stars"], row["at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file.where}, line {number}: {type(error).__name__} {error}",
                'write {"reader": …, "book": …, "stars": …, "at": …}, one object per line',
            ) from None
    user, item, rating, timestamp = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Events(user=user, item=item, rating=rating, timestamp=timestamp)
