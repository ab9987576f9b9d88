"""A program in a pseudo-terminal: its raw output, and the screen that a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

ROOT = Path(__file__).parents[2]
ALT_SCREEN_ON, ALT_SCREEN_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
MOUSE_OFF = b"\x1b[?1000l"
COLUMNS, LINES = 100, 30
#: what a terminal sends for keys that are no characters
_KEYS = {"enter": "\r", "escape": "\x1b", "tab": "\t", "down": "\x1b[B", "up": "\x1b[A"}
#: seconds that a step may take on a machine that does much else
PATIENCE = 120.0


class Terminal:
    """A program whose terminal we are."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.output = bytearray()
        self._descriptor = descriptor
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._text = ""

    def read(self, seconds: float) -> None:
        """Wait at most so long for output; take what is there."""
        while select.select([self._descriptor], [], [], seconds)[0]:
            try:
                new = os.read(self._descriptor, 1 << 16)
            except OSError:  # the program has ended
                return
            self.output += new
            self._stream.feed(new)
            self._text = ""
            seconds = 0

    def press(self, *keys: str) -> None:
        """Press keys: characters, or names that `_KEYS` has."""
        for key in keys:
            os.write(self._descriptor, _KEYS.get(key, key).encode())

    def text(self) -> str:
        """Read what came; return the screen."""
        self.read(0)
        self._text = self._text or "\n".join(self._screen.display)
        return self._text

    def screen(self) -> str:
        """Read what came; return the title of the screen: what is underlined in the first line."""
        self.text()
        cells = self._screen.buffer[0]
        return "".join(cells[x].data for x in range(COLUMNS) if cells[x].underscore)

    def until(self, true: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> None:
        """Read until something is true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"{otherwise}:\n{self.text()}"
            self.read(0.05)

    def wait_for(self, text: str, after: int = 0) -> None:
        """Wait until the program has written a text, in one piece and one style."""
        self.until(lambda: text.encode() in self.output[after:], f"no {text!r} is written")

    def end(self) -> int:
        """Wait for the program and return its exit code."""
        status = 0

        def ended() -> bool:
            nonlocal status
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return bool(pid)

        self.until(ended, "it does not end")
        self.pid = 0
        self.read(0.05)
        return os.waitstatus_to_exitcode(status)


@contextmanager
def terminal(
    words: Sequence[str],
    extra: Mapping[str, str] | None = None,
    place: Path = ROOT,
    python: str = sys.executable,
) -> Iterator[Terminal]:
    """Run Python with `words` in a pseudo-terminal, in the folder `place`."""
    size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.chdir(place)
        environment = {name: os.environ[name] for name in os.environ if name != "NO_COLOR"}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(extra or {})}
        os.execve(python, [python, *words], environment)
    running = Terminal(pid, descriptor)
    try:
        yield running
    finally:
        if running.pid:
            os.kill(running.pid, signal.SIGKILL)
            os.waitpid(running.pid, 0)
        os.close(descriptor)
