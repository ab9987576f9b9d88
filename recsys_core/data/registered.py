"""What is registered in a data folder, from meta.json alone: no array, no library is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError

#: raised when the format of prepared data changes
FORMAT = 1
DOWNLOADS = "downloads"  # where fetched archives are kept, beside the sets
ARRAYS, BROWSE, META = "prepared.npz", "browse.sqlite", "meta.json"
VALID_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class DamagedError(Exception):
    """A prepared set is incomplete, damaged or of another format; the message says which."""


def read_meta(data_dir: Path, name: str) -> dict[str, Any] | None:
    """Read what meta.json says of a set; None when no such set is registered.

    Raises
    ------
    DamagedError
        It cannot be read, or has another format.
    """
    path = data_dir / name / META
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else None
        raise DamagedError(f"{path}: prepared in format {found}, this version reads {FORMAT}")
    return meta


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
    ``"damaged"``, ``"built in"`` or ``"not fetched"``), ``interactions``, ``users``, ``items``,
    ``synthetic``, ``fingerprint``, ``bad_rows`` (left out, by reason), ``checksum_official``,
    ``origin`` and ``licence``; None where unknown.
    """
    here = prepared_names(data_dir)
    rest = [name for name in (SAMPLE, *SOURCES) if name not in here]
    return [_summary(name, data_dir) for name in [*here, *rest]]


def _summary(name: str, data_dir: Path) -> dict[str, Any]:
    state, meta, source = "not fetched", dict[str, Any](), SOURCES.get(name)
    try:
        found = read_meta(data_dir, name)
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
        "fingerprint": meta.get("fingerprint"),
        "bad_rows": meta.get("bad_rows"),
        "checksum_official": origin.get("checksum_official"),
        "origin": origin.get("path", getattr(source, "url", None)),
        "licence": getattr(source, "licence", None),
    }
