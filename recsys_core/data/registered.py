"""What is registered in a data folder, from meta.json alone: no array, no library is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError, shorten
from recsys_core.reading import MIB, DamagedError, parse_json, read_bytes

#: raised when the format of prepared data changes
FORMAT = 2
DOWNLOADS = "downloads"  # where fetched archives are kept, beside the sets
COLUMNS, BROWSE, META = "columns", "browse.sqlite", "meta.json"
VALID_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
#: types of the entries of meta.json, and of what it says of the source
_META = {
    "fingerprint": str,
    "interactions": int,
    "users": int,
    "items": int,
    "synthetic": bool,
    "source": dict,
    "bad_rows": dict,
    "embedded": list,
}
_SOURCE = {"path": str, "digest": str, "options": dict, "checksum_official": bool}


class EarlierFormatError(DamagedError):
    """A set was prepared by an earlier version; it is made again when it is used."""


def read_meta(data_dir: Path, name: str) -> dict[str, Any] | None:
    """Read what meta.json says of a set; None when no such set is registered.

    Raises
    ------
    DamagedError
        It cannot be read, or has another format.
    """
    path = data_dir / name / META
    try:
        meta = parse_json(read_bytes(path, MIB))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} is damaged: {shorten(error)}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = shorten(meta.get("format") if isinstance(meta, dict) else None)
        is_earlier = isinstance(meta, dict) and meta.get("format") in range(1, FORMAT)
        problem = EarlierFormatError if is_earlier else DamagedError
        raise problem(f"{path}: prepared in format {found}, this version reads {FORMAT}")
    _check_meta(meta, path)
    return meta


def _check_meta(meta: dict[str, Any], path: Path) -> None:
    wrong = [name for name, kind in _META.items() if not _is(meta.get(name), kind)]
    if not wrong:
        source = meta["source"]
        wrong = [f"source.{x}" for x, kind in _SOURCE.items() if not _is(source.get(x), kind, True)]
        wrong += [f"bad_rows.{shorten(x)}" for x, n in meta["bad_rows"].items() if not _is(n, int)]
    if wrong:
        raise DamagedError(f"{path} is damaged: '{wrong[0]}' is not what it should be")


def _is(value: Any, kind: type, or_none: bool = False) -> bool:
    if kind is int:
        return type(value) is int and 0 <= value < 2**63
    return isinstance(value, kind) or (or_none and value is None)


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder's on every system."""
    if not VALID_NAME.fullmatch(name) or name == DOWNLOADS:
        raise InputError(
            f"'{name}' cannot name a data set",
            "use at most 64 lower-case letters, digits, '.', '_' and '-', a letter or digit first"
            f" (but not '{DOWNLOADS}')",
        )


def prepared_names(data_dir: Path) -> list[str]:
    """List the names under which something is registered, readable or not."""
    try:
        names = [path.parent.name for path in data_dir.glob(f"*/{META}")]
    except OSError as error:
        raise InputError(f"{data_dir}: cannot be read: {error.strerror}") from None
    return sorted(name for name in names if VALID_NAME.fullmatch(name))


def list_datasets(data_dir: Path) -> list[dict[str, Any]]:
    """Describe every set that can be loaded, those on this machine first, as plain values.

    Returns
    -------
    One dict a set: ``name``, ``title`` (its publisher's name for it), ``state`` (``"ready"``,
    ``"damaged"``, ``"earlier format"``, ``"built in"`` or ``"not fetched"``), ``interactions``,
    ``users``, ``items``, ``synthetic``, ``explicit``, ``labelled``, ``fingerprint``, ``bad_rows``
    (left out, by reason),
    ``checksum_official``, ``origin`` and ``licence``; None where unknown.
    """
    here = prepared_names(data_dir)
    rest = [name for name in (SAMPLE, *SOURCES) if name not in here]
    return [_summary(name, data_dir) for name in [*here, *rest]]


def _summary(name: str, data_dir: Path) -> dict[str, Any]:
    state, meta, source = "not fetched", dict[str, Any](), SOURCES.get(name)
    try:
        found = read_meta(data_dir, name)
    except EarlierFormatError:
        state = "earlier format"
    except DamagedError:
        state = "damaged"
    else:
        if found is not None:
            state, meta = "ready", found
        elif name == SAMPLE:
            state = "built in"
    counts = ("interactions", "users", "items")
    origin = meta.get("source", {})
    return {
        "name": name,
        "title": getattr(source, "title", None),
        "state": state,
        **{count: meta.get(count, getattr(source, count, None)) for count in counts},
        "synthetic": meta.get("synthetic", name == SAMPLE),
        "explicit": meta.get("explicit", True),
        "labelled": meta.get("labelled", False),
        "fingerprint": meta.get("fingerprint"),
        "bad_rows": meta.get("bad_rows"),
        "checksum_official": origin.get("checksum_official"),
        "origin": origin.get("path", getattr(source, "url", None)),
        "licence": getattr(source, "licence", None),
    }
