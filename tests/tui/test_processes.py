"""Processes beside the session, without a screen."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from pathlib import Path
from subprocess import Popen

import pytest

from tests.tui.terminal import PATIENCE
from workbench.tui.processes import Done, _end, run_process


async def test_a_process_says_how_it_ended() -> None:
    code = "import sys; print('out'); print('one\\ntwo', file=sys.stderr); sys.exit(3)"
    assert await run_process([sys.executable, "-c", code]) == Done(3, "out", "one\ntwo")


def test_a_process_does_its_work_after_the_session_that_asked_for_it(tmp_path: Path) -> None:
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    code = (
        "import pathlib, time\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "print('said to nobody', flush=True)\n"
        f"pathlib.Path({str(mark)!r}).touch()"
    )

    async def ask_and_leave() -> None:
        task = asyncio.create_task(run_process([sys.executable, "-c", code]))
        await asyncio.sleep(0)  # it begins
        task.cancel()

    asyncio.run(ask_and_leave())
    gc.collect()
    gate.touch()
    end = time.monotonic() + PATIENCE
    while not mark.exists():
        assert time.monotonic() < end, "it ended with the session"
        time.sleep(0.01)


def test_a_process_that_has_ended_is_not_ended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be another program's by then."""
    ended: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _: ended.append(pid))
    with Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    _end(process)
    assert ended == []
