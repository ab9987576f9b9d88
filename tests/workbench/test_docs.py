"""What the documentation shows can be run: its Python, and its command lines are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from recsys_core.evaluation.names import ROW_METRICS, TOPK_METRICS, meaning_of
from recsys_core.features import statistics
from tests.workbench.conftest import Cli, no_session
from workbench.cli.context import globals_first
from workbench.cli.main import cli as program
from workbench.jobs import service
from workbench.store.listing import list_runs

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += [ROOT / "data" / "README.md", ROOT / "runs" / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: what stands in the pages -> what is here: a run of item-cf on the built-in set
STAND_INS = {
    "runs/20261124-075203-ease-d21c": "runs/RUN",
    "1196": "196",
    "1210": "210",
}


def blocks(page: Path, *languages: str) -> list[str]:
    """List the code of a page in some languages."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for language, code in found if language in languages]


def lines() -> list[tuple[str, str]]:
    """List page and command line of everything that is meant for a shell."""
    return [
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        for code in blocks(page, "", "sh")
        for line in code.replace("\\\n", " ").splitlines()
        if line.startswith("recsys-workbench")
    ]


@pytest.mark.parametrize(("page", "line"), lines())
def test_a_command_line_is_understood(page: str, line: str) -> None:
    """Words and options of the line are those of its command; nothing is done."""
    words = globals_first(shlex.split(line, comments=True)[1:])
    context = program.make_context("recsys-workbench", words, obj=no_session)
    command: click.Command = program
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, below, arguments = command.resolve_command(context, rest)
        assert below is not None
        command, context = below, below.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("name", [*TOPK_METRICS, *ROW_METRICS])
def test_a_metric_is_explained_in_the_words_of_the_session(name: str) -> None:
    if name != "rmse":  # of other tasks alone
        page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        at = name if name in ROW_METRICS else f"{name}@K"
        assert f"| `{at}` | {meaning_of(at)} |" in page


def test_the_lines_are_found() -> None:
    assert len(lines()) > 40


@pytest.fixture
def here(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where `data` and `runs` are."""
    data_dir.mkdir(exist_ok=True)
    (tmp_path / "data").symlink_to(data_dir)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_block(page: str, number: int = 0, **names: Any) -> dict[str, Any]:
    """Execute a block of Python of a page, with names that an earlier one left."""
    code = blocks(ROOT / "docs" / page, "python")[number]
    for text, here in STAND_INS.items():
        code = code.replace(text, here)
    exec(compile(code, page, "exec"), names)
    return names


def test_a_job_inside_a_dask_client(here: Path) -> None:
    pytest.importorskip("distributed")
    assert run_block("scale.md")["result"].metrics["ndcg@10"] > 0


def test_a_job_from_python(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(service, "ensure_supervisor", asked.append)
    run = run_block("jobs.md")["run"]
    assert asked == [Path("runs")]
    assert [each.run_id for each in list_runs(here / "runs")] == [run.run_id]


def test_a_new_statistic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "STATISTICS", dict(statistics.STATISTICS))
    run_block("features.md")
    assert "low_share" in statistics.STATISTICS


def test_serving(here: Path, cli: Cli) -> None:
    """Ask by user and by history, and for reasons."""
    assert cli("train", "--model", "item-cf", "--dataset", "sample", "--quiet").code == 0
    (run,) = list_runs(here / "runs")
    (here / "runs" / "RUN").symlink_to(run.folder)
    names = run_block("serving.md")
    run_block("serving.md", 1, **names)
