"""Where the traceback of an unexpected error goes: to a file, not over the screen."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

from workbench.tui.state import state_folder

#: beyond this size (bytes) the file is begun anew, and the last one kept beside it
_LARGEST = 1_000_000


def log_path() -> Path:
    """Return the place of the file."""
    return state_folder() / "errors.log"


def log_error(error: BaseException) -> str:
    """Append a traceback; return a sentence on where it is."""
    path = log_path()
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            path.replace(path.with_suffix(".1.log"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{moment}\n{text}\n")
    except OSError as problem:
        return f"{path} cannot be written: {problem.strerror}"
    return f"what went wrong in full: {path}"


def summary_of(error: BaseException) -> str:
    """Write an error as one line with the place in our code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "workbench" in frame.filename.split("/")]
    where = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    return f"{type(error).__name__}: {error}{where}"
