"""First paint of the interactive session against a minimal Textual application."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from benchmarks.harness import ROOT, Figure

COLUMNS, ROWS = 120, 36
#: a screen counts as painted with this many characters on it
PAINTED = 60
MINIMAL = str(ROOT / "benchmarks" / "peers" / "minimal_textual.py")


def measure() -> Iterator[Figure]:
    """Start both in a pseudo-terminal, in turn, and wait for the first screen."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(sys.executable).with_name("recsys-workbench"))
        ours = [program, "--runs-dir", f"{folder}/runs", "--data-dir", f"{folder}/data"]
        peer = [sys.executable, MINIMAL]
        rounds = [(first_paint(ours), first_paint(peer)) for _ in range(21)][1:]
    ours_seconds, peer_seconds = (statistics.median(times) for times in zip(*rounds, strict=True))
    yield Figure(
        "first paint, no runs", "s", ours_seconds, peer_seconds, "minimal Textual", 1 / 1.4
    )


@contextmanager
def opened(
    command: list[str], size: tuple[int, int] = (COLUMNS, ROWS)
) -> Iterator[tuple[int, int]]:
    """Start a program in a pseudo-terminal; give its process id and our end, and kill it after."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    try:
        yield pid, terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def drain(terminal: int, wait: float) -> None:
    """Read what comes for a while, or until the program closes its end."""
    end = time.perf_counter() + wait
    while select.select([terminal], [], [], max(0.0, end - time.perf_counter()))[0]:
        try:
            os.read(terminal, 1 << 16)
        except OSError:
            return


def first_paint(command: list[str]) -> float:
    """Seconds from start until `PAINTED` characters are on the screen."""
    started = time.perf_counter()
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    with opened(command) as (_, terminal):
        while time.perf_counter() - started < 20:
            stream.feed(os.read(terminal, 1 << 16))
            if sum(len(line.replace(" ", "")) for line in screen.display) >= PAINTED:
                return time.perf_counter() - started
    raise RuntimeError(f"{command[0]} painted nothing in 20 s")
