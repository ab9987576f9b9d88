"""The command line in this process: exit code, stdout and stderr of one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.data.small import prepare_small
from workbench.cli.main import run_command_line


@dataclass(frozen=True)
class Done:
    """What a command line did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


def no_session(runs_dir: Path, data_dir: Path) -> int:
    """Stand in for the interactive session."""
    raise AssertionError("no command line here opens it")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a small set; the built-in one joins it when it is first used."""
    folder = tmp_path_factory.mktemp("data")
    prepare_small(folder)
    return folder


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """Return an empty runs folder."""
    return tmp_path / "runs"


@pytest.fixture
def cli(runs_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line on the folders of the test."""

    def run(*arguments: str) -> Done:
        folders = ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
        capsys.readouterr()
        code = run_command_line([*folders, *arguments], no_session)
        return Done(code, *capsys.readouterr())

    return run
