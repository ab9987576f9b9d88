"""`make test-wheel`: the wheel, installed alone for each Python on PATH, does what the README says.

Each Python gets a fresh environment, outside of any checkout, with the versions of constraints.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from recsys_core import __version__
from recsys_core.processes import python_command
from tests.tui.terminal import ROOT, terminal

#: minor versions of Python 3 that are looked for
MINORS = range(11, 16)
#: variables that could lead an environment back to this checkout
_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def main() -> int:
    """Build, install and try the wheel; return 1 when something is wrong with any Python."""
    found = pythons()
    if not found:
        say("no Python from 3.11 on is on PATH")
        return 1
    with TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        say(f"{wheel.name}: {complete(wheel)} files")
        for name, python in found.items():
            place = Path(folder) / name
            place.mkdir()
            use(install(python, wheel, place), place)
            say(f"{name}: installed, --version, eval, session: well")
    return 0


def pythons() -> dict[str, str]:
    """Find the Pythons on PATH that run: name -> path."""
    found = {}
    for name in (f"python3.{minor}" for minor in MINORS):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            found[name] = path
    return found


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--wheel-dir", str(folder)]
    subprocess.run(python_command("-m", "pip", "wheel", *options, str(ROOT)), check=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.startswith(f"recsys_workbench-{__version__}-")
    return wheel


def complete(wheel: Path) -> int:
    """Check that every file of the two packages that git knows is in it; return how many."""
    line = ["git", "ls-files", "-z", "recsys_core", "workbench"]
    done = subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(wheel) as archive:
        missing = {*done.stdout.split("\0")} - {"", *archive.namelist()}
        assert not missing, f"not in the wheel: {', '.join(sorted(missing))}"
        return len(archive.namelist())


def install(python: str, wheel: Path, place: Path) -> Path:
    """Install the wheel into an environment below `place`; return the folder of its programs."""
    subprocess.run([python, "-m", "venv", str(place / "venv")], check=True)
    inside = place / "venv" / "bin"
    pip = [str(inside / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *constraints, str(wheel)], check=True, env=environment(place))
    return inside


def use(inside: Path, place: Path) -> None:
    """Do in an empty folder what somebody does first."""
    program, empty = str(inside / "recsys-workbench"), place / "empty"
    empty.mkdir()
    shown = said([program, "--version"], empty)
    assert shown.split()[-1] == __version__, shown
    shown = said([program, "--headless", "eval", "--suite", "quick", "--dataset", "sample"], empty)
    assert "deepfm" in shown, shown
    said([program, "--headless", "doctor"], empty)
    with terminal([program], environment(empty), empty, python=str(inside / "python")) as session:
        session.wait_for("popularity")
        session.press("q")
        code = session.end()
        assert code == 0, f"the session ended with {code}"


def said(line: list[str], folder: Path) -> str:
    """Run a command in a folder; return what it prints."""
    done = subprocess.run(
        line, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(line)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def environment(folder: Path) -> dict[str, str]:
    """Give what a process sees: nothing of this checkout, settings and caches below `folder`."""
    kept = {name: value for name, value in os.environ.items() if name not in _PYTHON}
    places = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return kept | {name: str(folder / name.lower()) for name in places}


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
