"""Who works in the background is nice, and so is the session that it leads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.jobs import priority

_STEP_BACK = "import os; from workbench.jobs.priority import step_back; step_back(); "
_SAY = f"{_STEP_BACK}print(os.nice(0)); print(open('/proc/self/autogroup').read())"
#: without what tests/background changes
_PYTHON = [sys.executable, "-E"]
_WEIGHTED = Path("/proc/self/autogroup").exists()


#: whoever runs the tests may be nice already; the kernel's last step is 19
_NICE = str(min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10))


def said(*, leads: bool) -> str:
    line = [*_PYTHON, "-c", _SAY if _WEIGHTED else f"{_STEP_BACK}print(os.nice(0))"]
    if not leads:  # the session is that of a process that starts it
        line = [*_PYTHON, "-c", f"import subprocess; subprocess.run({line!r})"]
    return subprocess.check_output(line, text=True, start_new_session=True)


def test_a_session_of_its_own_becomes_nice_too() -> None:
    words = said(leads=True).split()
    assert words[0] == _NICE
    assert words[2:] == (["nice", "10"] if _WEIGHTED else [])


def test_somebody_elses_session_stays_as_it_is() -> None:
    words = said(leads=False).split()
    assert words[0] == _NICE
    assert words[2:] == (["nice", "0"] if _WEIGHTED else [])


class Sessions:
    """A file whose first changes the kernel refuses."""

    def __init__(self, *answers: type[OSError]) -> None:
        self.answers = list(answers)
        self.written: list[str] = []

    def write_text(self, text: str) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.written.append(text)


@pytest.fixture
def leader(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make this process one that leads its session; what it asks for is kept, not done."""
    asked: list[int] = []
    monkeypatch.setattr(os, "nice", asked.append)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid())
    monkeypatch.setattr(priority, "_APART", 0.0)
    return asked


@pytest.mark.parametrize(
    ("answers", "written"),
    [
        ((), ["10"]),
        ((BlockingIOError, BlockingIOError), ["10"]),  # somebody else was changed just now
        ((BlockingIOError,) * 99, []),
        ((FileNotFoundError,), []),  # no such thing on this system
        ((PermissionError,), []),
    ],
)
def test_the_kernel_may_refuse(
    leader: list[int],
    monkeypatch: pytest.MonkeyPatch,
    answers: tuple[type[OSError], ...],
    written: list[str],
) -> None:
    sessions = Sessions(*answers)
    monkeypatch.setattr(priority, "_SESSION", sessions)
    priority.step_back()
    assert leader == [10]
    assert sessions.written == written
