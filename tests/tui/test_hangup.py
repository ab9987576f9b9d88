"""A terminal that goes away takes the session with it, and nothing else."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest

from tests.tui.folders import write_run
from workbench.tui.state import read_state

ROOT = Path(__file__).parents[2]


def test_a_closed_window_ends_the_session_and_keeps_its_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    runs = tmp_path / "runs"
    write_run(runs, "popularity", metrics={"ndcg@10": 0.1})
    command = [sys.executable, "-m", "workbench", "--runs-dir", str(runs)]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [*command, "--data-dir", str(tmp_path / "data")])
    output = b""
    give_up = time.monotonic() + 60
    while b"popularity" not in output and time.monotonic() < give_up:
        if select.select([terminal], [], [], 0.1)[0]:
            output += os.read(terminal, 1 << 16)
    os.write(terminal, b"1")  # the screen Jobs, where it is drawn while the window closes
    time.sleep(0.5)
    os.close(terminal)
    status = 0
    while time.monotonic() < give_up:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            break
        time.sleep(0.02)
    else:
        os.kill(pid, 9)
        pytest.fail("it lives on without a terminal")
    assert os.waitstatus_to_exitcode(status) == 128 + 1
    assert read_state(runs).screen == "jobs"
