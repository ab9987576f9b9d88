"""All screens with 500 runs and the users of ML-1M: first user, Tab, memory."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, load_ml1m, prepared_data
from benchmarks.tui import Keys, write_runs
from benchmarks.users import write_user_runs

#: wide enough for a user beside the list
_SIZE = (160, 45)
_OPENED, _TABS, _LISTED = 11, 60, 50
_FRAME = 1 / 60
#: key of a screen -> what it shows when it is there
_SCREENS = {
    "1": "1 job at once",
    "2": "502 runs",
    "3": "Why .*#1 of",
    "4": "items  ml-1m",
    "5": "data sets, ",
}


def measure() -> Iterator[Figure]:
    """Open Users, press Tab there, then visit every screen; goals in seconds and MB."""
    dataset = load_ml1m()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        runs = Path(folder) / "runs"
        (Path(folder) / "data").symlink_to(prepared_data())
        write_runs(runs, 2, 502)
        write_user_runs(runs, dataset, listed=_LISTED)
        opened = statistics.median(_first_user(runs) for _ in range(_OPENED))
        yield Figure("ML-1M: first user drawn", "s", opened, 0.3, "goal", 1.0)
        with Keys(runs, _SIZE) as keys:
            keys.press(b"3", expected=_SCREENS["3"])
            tabs = sorted(keys.first_change(b"\t") for _ in range(_TABS))
            for share in (50, 95):
                seconds = tabs[share * _TABS // 100]
                yield Figure(f"Tab to focus seen, p{share}", "s", seconds, _FRAME, "a frame", 1.0)
            for _ in range(2):
                for key, expected in _SCREENS.items():
                    keys.press(key.encode(), expected=expected)
            yield Figure("memory, every screen, 500 runs", "MB", keys.memory(), 110.0, "goal", 1.0)


def _first_user(runs: Path) -> float:
    """Open Users in a new session."""
    with Keys(runs, _SIZE) as keys:
        return keys.first_change(b"3", expected="history of user")
