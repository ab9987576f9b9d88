"""events.jsonl: what a job reports, one JSON object a line, whatever became of its writer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from recsys_core.reading import parse_json
from workbench.store.files import open_regular
from workbench.store.kinds import Kind, mapping_of, moment, number, optional, text, whole

#: bytes that are read at once; what has no end of line in so many is no file of events
_CHUNK = 1 << 26
#: bytes read to find the last line
_TAIL = 4096

#: the fields, their kinds, and what they are where a line does not have them
_KINDS: dict[str, Kind] = {
    "time": optional(moment),
    "stage": text,
    "step": whole,
    "total": optional(whole),
    "rate": optional(number),
    "eta": optional(number),
    "metrics": mapping_of(optional(number)),
    "message": text,
    "epoch": optional(whole),
    "usage": mapping_of(optional(number)),
}
_ABSENT: dict[str, Any] = {
    "time": None,
    "stage": "",
    "step": 0,
    "total": None,
    "rate": None,
    "eta": None,
    "metrics": {},
    "message": "",
    "epoch": None,
    "usage": {},
}


def read_events(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Read the whole lines from byte `offset`; of a file that is none of events there are none.

    Returns
    -------
    The events, with all fields, and the offset to go on from.
    """
    try:
        with open_regular(path, "rb") as file:
            file.seek(offset)
            content = file.read(_CHUNK)
    except OSError:
        return [], offset
    whole_lines = content[: content.rfind(b"\n") + 1]
    if not whole_lines and len(content) == _CHUNK:
        return [], offset + _CHUNK
    return list(_parsed(whole_lines.splitlines())), offset + len(whole_lines)


def last_event(path: Path) -> dict[str, Any] | None:
    """Return the last complete event of a file that another process appends to.

    What a job uses is written beside progress that was told before, which then has its values.
    """
    try:
        with open_regular(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read(_TAIL).split(b"\n")[:-1]
    except OSError:
        return None
    found: dict[str, Any] | None = None
    for event in _parsed(reversed(lines)):
        if not event["usage"]:
            return event
        found = found or event
    return found


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError):  # a line cut short by a full disk, or by whoever
            event = parse_json(line)
            if isinstance(event, dict):
                event = {name: event.get(name, absent) for name, absent in _ABSENT.items()}
                if all(kind(event[name]) for name, kind in _KINDS.items()):
                    yield event
