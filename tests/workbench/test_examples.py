"""examples/: from the files of a split to a run, where the package is installed."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.data.small import SMALL
from tests.workbench.conftest import Cli
from workbench.store.listing import list_runs

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("script", "package", "scores", "stage"),
    [
        ("sklearn_ranking", "sklearn", "sklearn-lr", "ranking"),
        ("implicit_als", "implicit", "implicit-als", "recall"),
        ("lenskit_knn", "lenskit", "lenskit-knn", "recall"),
    ],
)
@pytest.mark.filterwarnings("default")
def test_an_example_makes_a_run(
    script: str,
    package: str,
    scores: str,
    stage: str,
    cli: Cli,
    tmp_path: Path,
    runs_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip(package)
    parts = tmp_path / "parts"
    assert cli("data", "split", SMALL, "--to", str(parts)).code == 0
    monkeypatch.setattr(sys, "argv", [script, str(parts)])
    runpy.run_path(str(EXAMPLES / f"{script}.py"))
    file = str(parts / f"{scores}.csv")
    done = cli("score", file, "--dataset", SMALL, "--stage", stage, "--quiet")
    assert done.code == 0, done.err
    (kept,) = list_runs(runs_dir)
    assert (kept.label, kept.origin, kept.stage) == (scores, "external", stage)
    lines = (EXAMPLES / f"{script}.py").read_text().splitlines()
    assert len(lines) < 50
