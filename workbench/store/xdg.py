"""Where the program keeps what is neither data nor runs: the XDG base directories."""

from __future__ import annotations

import os
from pathlib import Path


def xdg_folder(variable: str, otherwise: str) -> Path:
    """Return the program's folder below a base directory; it need not exist.

    Parameters
    ----------
    variable
        E.g. ``XDG_CACHE_HOME``; a relative value does not count, as the specification says.
    otherwise
        The base directory below the home folder without it, e.g. ``.cache``.
    """
    named = os.environ.get(variable, "")
    base = Path(named) if named.startswith("/") else Path.home() / otherwise
    return base / "recsys-workbench"
