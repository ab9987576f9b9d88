"""What bash, zsh and fish are offered: what is there, quickly, and never a complaint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from tests.data.small import prepare_small
from tests.tui.folders import write_run
from tests.workbench.conftest import Cli
from workbench.cli import completion
from workbench.cli.main import cli as program
from workbench.jobs import catalogue
from workbench.jobs.catalogue import Card, Catalogue

SCHEMA = {"properties": {"dim": {"description": "Size"}, "loss": {"description": "What\nfor"}}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where two runs and a data set lie, with a catalogue of one model."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs", "mf-bpr", model="mf")
    write_run(tmp_path / "runs", "ease", number=1)
    prepare_small(tmp_path / "data")
    job = {"model": "mf", "label": "mf-bpr"}
    known = Catalogue(
        {"mf": Card("mf", schema=SCHEMA)},
        {"user-timeline": {"schema": {"properties": {"k_core": {}}}}},
        [{"name": "quick", "jobs": [job, {"model": "mf", "label": ""}]}],
        {},
        {},
        {},
    )
    monkeypatch.setattr(catalogue, "read_catalogue", lambda path: known)
    return tmp_path


def offered(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *words: str,
    shell: str = "bash",
) -> list[str]:
    """Complete the last of the words as the shell's script asks for it."""
    monkeypatch.setenv(completion.VARIABLE, f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join([completion.PROGRAM, *words]))
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
    completion.answer(program)
    done = capsys.readouterr()
    assert done.err == ""
    return done.out.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["do"], ["doctor"]),
        (["runs", "sh"], ["show"]),
        (["runs", "show", "2026"], ["20260302-093001-run-0001", "20260302-093000-run-0000"]),
        (["compare", "mf-bpr", "e"], ["ease"]),
        (["similar", "42", "--run", "m"], ["mf-bpr"]),
        (["--runs-dir", "nowhere", "compare", ""], []),
        (["compare", "--runs-dir", "nowhere", "e"], []),
        (["runs", "restore", ""], []),
        (["data", "describe", "sm"], ["small"]),
        (["train", "--dataset", "ml-1"], ["ml-100k", "ml-1m", "ml-10m"]),
        (["train", "--model", "deep"], ["deepwalk-item", "deepwalk-user", "deep", "deepfm"]),
        (["runs", "list", "--model", "m"], ["mf-bpr", "mf", "mmoe"]),
        (["train", "--model", "mf", "--set", "d"], ["dim="]),
        (["train", "--model", "mf", "--set=l"], ["loss="]),
        (["eval", "--set", "mf-bpr."], ["mf-bpr.dim=", "mf-bpr.loss="]),
        (["eval", "--set", "p"], ["protocol.k_core="]),
        (["eval", "--suite", "mine.yaml", "--set", "mf"], []),
        (["train", "--off"], ["--offline"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["no-such-command", "x"], []),
        (["train", "--threads", "many", "--model", "lig"], ["lightgcn"]),
    ],
)
def test_what_is_offered(
    words: list[str],
    expected: list[str],
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = offered(capsys, monkeypatch, *words)
    assert found == [f"plain,{each}" for each in expected]


def test_a_folder_is_left_to_the_shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = offered(capsys, monkeypatch, "runs", "list", "--runs-dir", "so")
    assert found == ["dir,so"]


def test_a_damaged_folder_is_no_complaint(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("")
    assert offered(capsys, monkeypatch, "--runs-dir", "file", "compare", "m") == []


def test_a_label_that_would_steer_the_terminal_is_not_offered(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(here / "runs", "x\x1b[2J", number=2)
    write_run(here / "runs", "x y", number=3)
    assert offered(capsys, monkeypatch, "compare", "x") == []
    (_, run, about) = offered(capsys, monkeypatch, "runs", "show", "20260302-093002", shell="zsh")
    assert (run, about[:8]) == ("20260302-093002-run-0002", "x\\x1b[2J")


def test_zsh_and_fish_are_told_what_a_run_is(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, about = "20260302-093001-run-0001", "ease on ml-100k, succeeded"
    words = ("runs", "show", "20260302-093001")
    assert offered(capsys, monkeypatch, *words, shell="zsh") == ["plain", run, about]
    assert offered(capsys, monkeypatch, *words, shell="fish") == [f"plain,{run}\t{about}"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_script_asks_with_the_variable_that_is_answered(cli: Cli, shell: str) -> None:
    done = cli("completion", shell)
    assert done.code == 0
    assert f"{completion.VARIABLE}={shell}_complete" in done.out
    assert get_completion_class(shell) is not None
    if shell == "bash":
        assert "compopt -o nospace" in done.out
        assert subprocess.run(["bash", "-n"], input=done.out, text=True).returncode == 0


def test_completing_imports_nothing_heavy(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "pandas", "scipy", "pydantic"):
        monkeypatch.setitem(sys.modules, name, None)  # its import would fail
    for words in (["train", "--model", "mf", "--set", ""], ["compare", ""], ["data", "fetch", ""]):
        assert offered(capsys, monkeypatch, *words)
