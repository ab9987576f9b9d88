"""The program in a real pseudo-terminal: signals, imports, colours, exit codes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALT_SCREEN_ON, ALT_SCREEN_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
MOUSE_OFF = b"\x1b[?1000l"
#: never needed to look at results, slow to load
HEAVY = ("torch", "pandas", "sklearn", "scipy", "numpy", "pydantic", "gensim", "faiss", "numba")


class Terminal:
    """A program whose terminal we are."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.descriptor = descriptor
        self.output = b""

    def read(self, seconds: float) -> bytes:
        """Collect what comes until nothing comes for `seconds`, or the program ends."""
        while select.select([self.descriptor], [], [], seconds)[0]:
            try:
                new = os.read(self.descriptor, 1 << 16)
            except OSError:
                break
            if not new:
                break
            self.output += new
        return self.output

    def wait_for(self, text: bytes, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < end, self.output[-2000:].decode(errors="replace")
            self.read(0.05)

    def end(self, seconds: float = 20.0) -> int:
        """Wait for the program and return its exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.read(0.05)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it does not end")


@contextmanager
def terminal(code: str, extra: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """Run Python `code` in a pseudo-terminal of 100x30."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        environment = {name: os.environ[name] for name in os.environ if name != "NO_COLOR"}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(extra or {})}
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    running = Terminal(pid, descriptor)
    try:
        yield running
    finally:
        if running.pid:
            os.kill(running.pid, signal.SIGKILL)
            os.waitpid(running.pid, 0)
        os.close(descriptor)


def program(runs: Path, before: str = "", after: str = "") -> str:
    """Code that opens the session on `runs` and ends with its exit code."""
    return (
        "import sys\nfrom pathlib import Path\nfrom workbench.tui.app import run_app\n"
        f"{before}\ncode = run_app(Path({str(runs)!r}), Path('nowhere'))\n{after}\nsys.exit(code)"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(number: signal.Signals, suite: Path) -> None:
    with terminal(program(suite)) as t:
        t.wait_for(b"popularity")
        assert ALT_SCREEN_ON in t.output
        os.kill(t.pid, number)
        assert t.end() == 128 + number
        after = t.output[t.output.rindex(ALT_SCREEN_ON) :]
        assert ALT_SCREEN_OFF in after
        assert MOUSE_OFF in after


def test_a_crash_gives_the_terminal_back_and_is_no_success(suite: Path) -> None:
    """An error in drawing leaves a part of the screen dead; one in a command only a panel."""
    crash = (
        "from workbench.tui.widgets.grid import Grid\n"
        "def broken(self, y): raise RuntimeError('planted [b]')\n"
        "def act(self, n): Grid.render_line = broken; self.refresh()\n"
        "Grid.action_column = act"
    )
    with terminal(program(suite, before=crash)) as t:
        t.wait_for(b"popularity")
        os.write(t.descriptor, b"\x1b[C")
        t.read(0.3)
        os.write(t.descriptor, b"j")
        assert t.end() == 1
        after = t.output[t.output.rindex(ALT_SCREEN_OFF) :]
        assert b"error: RuntimeError: planted [b]" in after
        assert b"errors.log" in after.replace(b"\r\n", b"")  # a narrow terminal breaks the path
        assert b"Traceback" not in after


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back(suite: Path) -> None:
    with terminal(program(suite)) as t:
        t.wait_for(b"popularity")
        t.read(0.3)
        os.write(t.descriptor, b"\x1a")
        end = time.monotonic() + 20
        while not (stopped := os.waitpid(t.pid, os.WNOHANG | os.WUNTRACED))[0]:
            assert time.monotonic() < end, "it does not stop"
            t.read(0.05)
        assert os.WIFSTOPPED(stopped[1])
        assert ALT_SCREEN_OFF in t.output
        assert MOUSE_OFF in t.output
        before = len(t.output)
        os.kill(t.pid, signal.SIGCONT)
        end = time.monotonic() + 20
        while b"popularity" not in t.output[before:]:
            assert time.monotonic() < end, "it does not come back"
            t.read(0.05)
        assert ALT_SCREEN_ON in t.output[before:]
        os.write(t.descriptor, b"q")
        assert t.end() == 0


def test_a_wrong_configuration_is_told_before_anything_opens(suite: Path, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "recsys-workbench"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[keys]\n"runs.fliter" = "F"\n')
    code = f"import sys\nsys.argv = ['x', '--runs-dir', {str(suite)!r}]\n"
    code += "from workbench.__main__ import main\nsys.exit(main())"
    with terminal(code, {"XDG_CONFIG_HOME": str(tmp_path / "config")}) as t:
        assert t.end() == 2
        assert ALT_SCREEN_ON not in t.output
        told = b" ".join(t.output.split())
        assert b"config.toml: unknown command 'runs.fliter'" in told
        assert b"did you mean 'runs.filter'?" in told


def test_quitting_loaded_nothing_heavy(suite: Path) -> None:
    tell = (
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('heavy modules:', heavy or 'none')"
    )
    with terminal(program(suite, after=tell)) as t:
        t.wait_for(b"popularity")
        for key in (b"b", b"d", b"\r", b"\x1b", b"?", b"\x1b", b"3", b"4", b"5", b"q"):
            os.write(t.descriptor, key)
            t.read(0.2)
        assert t.end() == 0
        assert b"heavy modules: none" in t.output


def test_the_whole_program_opens_without_heavy_modules(empty: Path) -> None:
    """From the entry point, as a person starts it."""
    code = (
        "import sys, atexit\n"
        f"sys.argv = ['recsys-workbench', '--runs-dir', {str(empty)!r}]\n"
        f"atexit.register(lambda: print('heavy:', [n for n in {HEAVY!r} if n in sys.modules]))\n"
        "from workbench.__main__ import main\nsys.exit(main())"
    )
    with terminal(code) as t:
        t.wait_for(b"No runs yet")
        os.write(t.descriptor, b"q")
        assert t.end() == 0
        assert b"heavy: []" in t.output


def test_no_color_is_respected(suite: Path) -> None:
    with terminal(program(suite), {"NO_COLOR": "1"}) as t:
        t.wait_for(b"popularity")
        t.read(0.3)
        colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", t.output)
        assert colours
        assert all(red == green == blue for red, green, blue in colours)


def test_without_a_terminal_it_says_what_to_do(empty: Path) -> None:
    code = program(empty, before="from recsys_core.errors import InputError").replace(
        "code = run_app", "try:\n  code = run_app"
    )
    code = code.replace(
        "\n\nsys.exit", "\nexcept InputError as error:\n  sys.exit(str(error))\nsys.exit"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True
    )
    assert done.returncode == 1
    assert b"the interactive session needs a terminal" in done.stderr
    assert b"--headless eval" in done.stderr
