"""A newcomer's first session in a pseudo-terminal: seconds and keys from nothing to a file.

A sweep of nine trials, the run of the best one, a comparison, a user, an export. The machine has no
runs, no data and no list of models, as after an installation; every key is pressed when the screen
before it is there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import ROOT, Figure
from tests.tui.terminal import Terminal, terminal

#: seconds and keys that it may take
_SECONDS, _KEYS = 90.0, 40.0
_FILE = "report.csv"
#: seconds that a step may take: training is slow beside other programs
_PATIENCE = 900.0


def measure() -> Iterator[Figure]:
    """Live through it once; goals in seconds, training included, and in keys."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        homes = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        environment = {name: str(place / "home") for name in homes}
        environment["PYTHONPATH"] = str(ROOT)
        with _ended(place), terminal(["-m", "workbench"], environment, place) as session:
            newcomer = _Newcomer(session)
            for name, step in _STEPS.items():
                step(newcomer)
                yield Figure(f"newcomer: {name}", "s", newcomer.lap(), None, "")
            assert (place / _FILE).is_file(), f"{_FILE} was not written"
            yield Figure("newcomer, all of it", "s", newcomer.seconds, _SECONDS, "goal", 1.0)
            yield Figure("newcomer, all of it", "keys", newcomer.keys, _KEYS, "goal", 1.0)


@contextmanager
def _ended(place: Path) -> Iterator[None]:
    """Leave no job behind, whatever becomes of the session."""
    try:
        yield
    finally:
        cancel = [sys.executable, "-m", "workbench", "--runs-dir", str(place / "runs")]
        cancel += ["queue", "cancel", "--all"]
        subprocess.run(cancel, cwd=ROOT, check=False, capture_output=True)


class _Newcomer:
    """Somebody before a terminal, whose keys and seconds are counted."""

    def __init__(self, session: Terminal) -> None:
        self._session = session
        self.keys = 0
        self._began = self._last = time.monotonic()

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        self.keys += len(keys)
        self._session.press(*keys)

    def see(self, *words: str) -> None:
        """Wait until all words are on the screen."""
        self._session.until(
            lambda: all(word in self._session.text() for word in words), f"no {words}", _PATIENCE
        )

    def see_no(self, word: str) -> None:
        """Wait until a word is gone from the screen."""
        self._session.until(lambda: word not in self._session.text(), f"{word!r} stays", _PATIENCE)

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def lap(self) -> float:
        """Return the seconds since the lap before."""
        before, self._last = self._last, time.monotonic()
        return self._last - before


def _sweep(newcomer: _Newcomer) -> None:
    """Add a sweep over two fields, with the values that the form proposes around the defaults."""
    newcomer.see("No runs yet")
    newcomer.press("a", *"item-cf", *"/nei", "tab", *"/asy", "tab")
    newcomer.see("9 combinations")
    newcomer.press("enter")
    newcomer.see("item-cf 9/9")


def _best(newcomer: _Newcomer) -> None:
    """Open the sweep, and from it the run of the best trial; go back to the jobs."""
    newcomer.press("enter")
    newcomer.see("best validation ndcg@10", "by trial")
    newcomer.press("enter")
    newcomer.see("Settings", "95 % interval")
    newcomer.press("escape", "escape")
    newcomer.see("a add")


def _compare(newcomer: _Newcomer) -> None:
    """Sort by the metric on test rows, and compare the two best runs."""
    newcomer.press("2")
    newcomer.see("9 runs")
    newcomer.press("S", "g", " ", " ", "=")
    newcomer.see("2 runs compared", "Holm over 1 compared run")


def _user(newcomer: _Newcomer) -> None:
    """Go to the user who gains most."""
    newcomer.press("enter", "enter")
    newcomer.see("history of user", "held out")


def _export(newcomer: _Newcomer) -> None:
    """Go back to the comparison, and write it to a file."""
    newcomer.press("2")
    newcomer.see("2 runs compared")
    newcomer.press("e")
    newcomer.see(_FILE, "Enter writes")
    newcomer.press("enter")
    newcomer.see_no("Enter writes")


_STEPS = {
    "a sweep of nine trials": _sweep,
    "the best trial": _best,
    "two runs compared": _compare,
    "a user": _user,
    "exported": _export,
}
