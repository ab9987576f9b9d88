"""The program in a real pseudo-terminal: signals, imports, colours, exit codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.terminal import ALT_SCREEN_OFF, ALT_SCREEN_ON, MOUSE_OFF, ROOT, Terminal, terminal

#: never needed to look at results, slow to load
HEAVY = ("torch", "pandas", "sklearn", "scipy", "numpy", "pydantic", "gensim", "faiss", "numba")


def settle(t: Terminal) -> None:
    """Read until nothing comes for a while: a key after Escape would be taken as Alt and that."""
    before = -1
    while before != len(t.output):
        before = len(t.output)
        t.read(0.2)


def program(runs: Path, before: str = "", after: str = "") -> str:
    """Code that opens the session on `runs` and ends with its exit code."""
    return (
        "import sys\nfrom pathlib import Path\nfrom workbench.tui.app import run_app\n"
        f"{before}\ncode = run_app(Path({str(runs)!r}), Path('nowhere'))\n{after}\nsys.exit(code)"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(number: signal.Signals, suite: Path) -> None:
    with terminal(["-c", program(suite)]) as t:
        t.wait_for("popularity")
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
    with terminal(["-c", program(suite, before=crash)]) as t:
        t.wait_for("popularity")
        t.press("\x1b[C")
        settle(t)
        t.press("j")
        assert t.end() == 1
        after = t.output[t.output.rindex(ALT_SCREEN_OFF) :]
        assert b"error: RuntimeError: planted [b]" in after
        assert b"errors.log" in after.replace(b"\r\n", b"")  # a narrow terminal breaks the path
        assert b"Traceback" not in after


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back(suite: Path) -> None:
    with terminal(["-c", program(suite)]) as t:
        t.wait_for("popularity")
        settle(t)
        t.press("\x1a")
        stopped = (0, 0)

        def ended_or_stopped() -> bool:
            nonlocal stopped
            stopped = os.waitpid(t.pid, os.WNOHANG | os.WUNTRACED)
            return bool(stopped[0])

        t.until(ended_or_stopped, "it does not stop")
        assert os.WIFSTOPPED(stopped[1])
        assert ALT_SCREEN_OFF in t.output
        assert MOUSE_OFF in t.output
        before = len(t.output)
        os.kill(t.pid, signal.SIGCONT)
        t.wait_for("popularity", after=before)
        assert ALT_SCREEN_ON in t.output[before:]
        t.press("q")
        assert t.end() == 0


def test_a_wrong_configuration_is_told_before_anything_opens(suite: Path, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "recsys-workbench"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[keys]\n"runs.fliter" = "F"\n')
    code = f"import sys\nsys.argv = ['x', '--runs-dir', {str(suite)!r}]\n"
    code += "from workbench.__main__ import main\nsys.exit(main())"
    with terminal(["-c", code], {"XDG_CONFIG_HOME": str(tmp_path / "config")}) as t:
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
    with terminal(["-c", program(suite, after=tell)]) as t:
        t.wait_for("popularity")
        for key in ("b", "d", "enter", "escape", "?", "escape", "3", "4", "5", "q"):
            t.press(key)
            settle(t)
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
    with terminal(["-c", code]) as t:
        t.wait_for("No runs yet")
        t.press("q")
        assert t.end() == 0
        assert b"heavy: []" in t.output


def test_no_color_is_respected(suite: Path) -> None:
    with terminal(["-c", program(suite)], {"NO_COLOR": "1"}) as t:
        t.wait_for("popularity")
        settle(t)
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


def test_an_editor_has_the_terminal_until_it_ends(suite: Path, tmp_path: Path) -> None:
    """It asks a question and waits for the answer; Ctrl+C does not end the session."""
    editor = tmp_path / "editor"
    ask = "trap 'echo caught' INT; printf 'which dim? '; until read answer; do :; done"
    editor.write_text(f'#!/bin/sh\n{ask}\nsed -i "s/^dim: .*/dim: $answer/" "$1"\n')
    editor.chmod(0o755)
    before = (
        f"import os\nos.environ['VISUAL'] = {str(editor)!r}\n"
        "from workbench.tui.screens import new_job_estimate\nnew_job_estimate._PAUSE = 3600.0"
    )
    with terminal(["-c", program(suite, before=before)]) as t:
        t.wait_for("popularity")
        t.press("1", "a")
        t.until(lambda: "copy from" in t.text(), "the form does not open")
        t.press(*"mf/dim", "enter", "\x05")
        t.until(lambda: "which dim?" in t.text(), "the editor does not open")
        assert ALT_SCREEN_OFF in t.output
        t.press("\x03")
        t.until(lambda: "caught" in t.text(), "the signal does not reach the editor")
        t.press(*"48", "\r")
        t.until(lambda: "new job" in t.text() and "48" in t.text(), "no form comes back")
