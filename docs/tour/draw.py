"""Draw the pictures of docs/tour.md anew: ``make tour``. All of the synthetic set `sample`."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from workbench.jobs.queue import Entry, add_job
from workbench.jobs.service import ensure_supervisor
from workbench.store.listing import list_runs
from workbench.tui.app import WorkbenchApp
from workbench.tui.view.changes import cancel_all

HERE = Path(__file__).parent
SIZE = (120, 34)
#: seconds until something must be on the screen
_PATIENCE = 120.0
#: seconds in which curves become long enough to look at
_EPOCHS_SECONDS = 8.0
#: a font from the network, which no page of the documentation loads
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_EVAL = ("eval", "--dataset", "sample", "--models", "popularity,item-cf,ease,mf", "--plain")


class Tour:
    """A session that pictures are taken of."""

    def __init__(self, app: WorkbenchApp, pilot: Pilot[None]) -> None:
        self._app = app
        self._pilot = pilot

    def _text(self) -> str:
        return "\n".join(strip.text for strip in self._app.screen._compositor.render_strips())

    async def go(self, *keys: str, until: str, without: str = "\0") -> None:
        """Press keys and wait until a text is on the screen, and another is not."""
        await self._pilot.press(*keys)
        end = time.monotonic() + _PATIENCE
        while until not in self._text() or without in self._text():
            if time.monotonic() > end:
                raise SystemExit(f"no {until!r} within {_PATIENCE:.0f} s:\n{self._text()}")
            await self._pilot.pause(0.1)

    async def draw(self, name: str) -> None:
        """Write a picture of the screen."""
        self._app.said = None
        await self._pilot.pause(0.3)
        picture = self._app.export_screenshot(title="recsys-workbench")
        picture = _FONT.sub("", picture)
        lines = (line.rstrip() for line in picture.splitlines())
        (HERE / f"{name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


@asynccontextmanager
async def session(runs: Path) -> AsyncIterator[Tour]:
    """Open a session."""
    app = WorkbenchApp(runs, Path("data"))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.pause()
        yield Tour(app, pilot)


async def draw_all() -> None:
    """Take the tour in the working folder, which is empty."""
    async with session(Path("/home/you/project/runs")) as tour:
        await tour.go(until="No runs yet")
        await tour.draw("first-steps")
    runs = Path("runs")
    subprocess.run([sys.executable, "-m", "workbench", *_EVAL], check=True)  # noqa: S603
    async with session(runs) as tour:
        await tour.go("G", "b", until="Δ to popularity")
        await tour.go("k", until="* ", without="testing")
        await tour.draw("results")
        await tour.go("g", "enter", until="Learning curve")
        await tour.draw("run")
        await tour.go("escape", "3", until="1,000 users")
        await tour.go("slash", *"best=ndcg@10", "enter", until="find: best=ndcg@10")
        await tour.go("enter", until="Rated by the same users")
        await tour.draw("user")
        await tour.go("escape", "4", until="800 items")
        await tour.go("enter", until="like Made-up", without="asking")
        await tour.draw("items")
        await tour.go("5", until="sample")
        await tour.draw("data")
    await _draw_jobs(runs)


async def _draw_jobs(runs: Path) -> None:
    """Start two jobs that take their time, look at them, and cancel them."""
    for rate in (0.002, 0.01):
        fields = {"epochs": 2000, "learning_rate": rate, "patience": 0}
        spec = {"dataset": "sample", "protocol": {"name": "user-timeline"}, "params": fields}
        label = f"mf-rate-{rate}"
        entry = Entry(str(Path("data").absolute()), str(Path.cwd()), jobs=2)
        add_job(runs, {**spec, "model": "mf", "label": label}, label, entry)
    ensure_supervisor(runs)
    try:
        async with session(runs) as tour:
            await tour.go("1", until="valid ndcg@10")
            await tour.go("space", "j", until="▲ mf-rate")
            await asyncio.sleep(_EPOCHS_SECONDS)
            await tour.draw("jobs")
            await tour.go("a", until="user-timeline")
            await tour.go(*"sasrec", "down", "down", *"0,1,2", until="0,1,2")
            await tour.draw("new-job")
    finally:
        cancel_all(list_runs(runs), (), runs)
        while any(run.state in ("queued", "running") for run in list_runs(runs)):
            await asyncio.sleep(0.2)


def main() -> None:
    """Draw in a folder of its own, with nobody's settings."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        os.environ |= {"XDG_CONFIG_HOME": f"{folder}/config", "XDG_STATE_HOME": f"{folder}/state"}
        os.environ.pop("NO_COLOR", None)
        asyncio.run(draw_all())


if __name__ == "__main__":
    main()
