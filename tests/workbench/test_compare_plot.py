"""`compare --plot`, in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.pictures.runs import B, ranking_run, recall_run
from tests.workbench.conftest import Cli


@pytest.mark.extras
def test_compare_draws_what_it_is_asked_for(cli: Cli, runs_dir: Path, tmp_path: Path) -> None:
    runs = [recall_run(runs_dir, "a"), recall_run(runs_dir, "b", B), ranking_run(runs_dir, "lr")]
    names = [run.run_id for run in runs]
    files = [tmp_path / "forest.svg", tmp_path / "recall.png"]
    done = cli("compare", *names, "--plot", str(files[0]), "--plot", f"recall={files[1]}", "--json")
    assert (done.code, [file.exists() for file in files]) == (0, [True, True])
    assert done.out.startswith("{")
    assert f"note: {files[0]}: without lr: no ndcg@10" in done.err
    wrong = cli("compare", *names, "--plot", str(tmp_path / "x.svg"), "--metric", "recall@10")
    assert wrong.code == 2
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--plot", "a.gif"), "error: --plot a.gif: unknown ending"),
        (("--plot", "a.svg", "--users"), "error: --plot draws all users together"),
        (("--metric", "ndcg@10"), "error: --metric is for --users and --plot"),
    ],
)
def test_options_that_do_not_go_together(cli: Cli, options: tuple[str, ...], said: str) -> None:
    done = cli("compare", "a", "b", *options)
    assert done.code == 2
    assert done.err.startswith(said)
