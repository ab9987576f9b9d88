"""Ids on a command line: written out with commas, or one per line in a file."""

from __future__ import annotations

import os
from pathlib import Path

from recsys_core.errors import InputError, shorten
from recsys_core.reading import is_file, read_bytes

#: bytes of a file of ids at most: tens of millions of them
LIMIT = 1 << 30


def read_ids(text: str, option: str) -> list[str]:
    """Read ``ID,ID`` or a file with one id per line; empty lines are left out.

    Parameters
    ----------
    option
        Where it was given, for messages.

    Raises
    ------
    InputError
        The file is missing, is no text, or there are no ids.
    """
    path = Path(text)
    if not is_file(path) and (os.sep not in text or "," in text):  # ids may hold a slash
        ids = [word.strip() for word in text.split(",")]
    else:
        ids = [line.strip() for line in _read(path, option).splitlines()]
    ids = [one for one in ids if one]
    if not ids:
        raise InputError(f"{option} '{shorten(text)}': no ids here", "write ID,ID or one per line")
    return ids


def _read(path: Path, option: str) -> str:
    where = f"{option} {path}"
    try:
        return read_bytes(path, LIMIT).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"{where}: no such file",
            "name a text file with one id per line; an id with a slash goes into one, too",
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: byte {error.start} is not UTF-8 text", "write one id per line"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{where}: cannot be read: {reason}", "write one id per line") from None
