"""What somebody does who opens the program for the first time, in a terminal or in a browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from workbench.store.listing import list_runs

#: what the first steps train
BASELINES = {"popularity", "item-cf", "ease"}


class Window(Protocol):
    """A session that is seen and typed into."""

    def press(self, *keys: str) -> None:
        """Press keys: characters, `enter`, `down`."""

    def text(self) -> str:
        """Return the screen as it is."""

    def until(self, true: Callable[[], bool], otherwise: str) -> None:
        """Wait for something that follows; say what did not."""


def see(window: Window, *words: str) -> str:
    """Wait until all words are on the screen; return it."""

    def seen() -> bool:
        text = window.text()
        return all(word in text for word in words)

    window.until(seen, f"{words} are not there")
    return window.text()


def first_day(window: Window, place: Path) -> None:
    """Live through it; `place` is the folder that the program was started in."""
    train_three_baselines(window)
    compare_with_a_baseline(window)
    inspect_a_user(window)
    export_the_table(window, place)
    quit_while_jobs_run(window, place)


def train_three_baselines(window: Window) -> None:
    """From nothing to a result by one key."""
    see(window, "No runs yet", "Enter train baselines")
    window.press("enter")
    see(window, "3 runs", "baseline", *BASELINES)


def compare_with_a_baseline(window: Window) -> None:
    """Pin the weakest run: the others are better, and more than by chance."""
    window.press("G", "b")
    text = see(window, "Δ to popularity", "⚑ ✔ popularity")
    window.until(lambda: "testing" not in window.text(), "the differences are not tested")
    text = window.text()
    for label in BASELINES - {"popularity"}:
        assert re.search(rf"✔ {label} .*▲ \+0\.\d{{4}}\*", text), text


def inspect_a_user(window: Window) -> None:
    """Look at the user whom the newest run serves best: what was held out is among the first."""
    window.press("3")
    see(window, "1,000 users", "sample (synthetic)")
    window.press("/", *"best=ndcg@10", "enter")
    see(window, "find: best=ndcg@10", "1.0000")
    window.press("enter")
    text = see(window, "history of user", "held out", "Why ")
    assert re.search(r" 1 [= ] ✔ Made-up Film", text), text
    window.press("escape")
    window.until(lambda: "history of user" not in window.text(), "the user stays open")


def export_the_table(window: Window, place: Path) -> None:
    """Write what is shown: the baseline's values, and how the others differ from it."""
    window.press("2")
    see(window, "Δ to popularity")
    window.press("e")
    see(window, "report.csv", "Enter writes")
    window.press("enter")
    window.until(lambda: "Enter writes" not in window.text(), "the table is not written")
    with (place / "report.csv").open(encoding="utf-8", newline="") as file:
        written = {row["run"]: row["ndcg@10"] for row in csv.DictReader(file)}
    assert written.keys() == BASELINES
    assert 0 < float(written.pop("popularity")) < 1
    assert all(value.startswith("▲ +0.") for value in written.values()), written


def compare_on_a_page(window: Window) -> None:
    """Mark the two newest runs: their page has both, and what differs."""
    window.press("2")
    see(window, "Δ to popularity")
    window.press("g", "space", "space", "=")
    see(window, "2 runs compared", "Metrics, differences from A", "its 95 % interval")
    window.press("escape")
    window.until(lambda: "runs compared" not in window.text(), "the page stays open")


def sweep_a_field(window: Window) -> None:
    """Search three values around the default, and read the page of the sweep."""
    window.press("1")
    see(window, "add")
    window.press("a")
    see(window, "new job", "user-timeline")
    window.press(*"item-cf", *"/nei", "tab")
    see(window, "50,100,200", "3 combinations")
    window.press("enter")
    see(window, "item-cf 3/3")
    window.press("g", "enter")
    see(window, "best validation ndcg@10", "importance of fields", "ndcg@10 by neighbours", "200")
    window.press("escape")
    window.until(lambda: "importance" not in window.text(), "the page stays open")


def quit_while_jobs_run(window: Window, place: Path) -> None:
    """Add five jobs, leave, and have them cancelled."""
    window.press("1")
    see(window, "add")
    window.press("a")
    see(window, "new job", "user-timeline", "seeds")
    window.press(*"mf", "down", "down", *"0,1,2,3,4")
    see(window, "0,1,2,3,4")
    window.press("enter")
    see(window, "mf", "waits", "1 running")  # the first of them has started
    window.press("q")
    see(window, "running: mf", "Leave; the jobs keep running")
    window.press("C")
    see(window, "C again cancels")
    window.press("C")

    def states() -> list[str]:
        return [run.state for run in list_runs(place / "runs") if run.model == "mf"]

    window.until(lambda: states() == ["cancelled"] * 5, f"the jobs go on: {states()}")
