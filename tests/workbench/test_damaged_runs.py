"""What a list says of runs whose files are damaged or gone."""

from __future__ import annotations

import os
from pathlib import Path

from tests.tui.folders import write_run
from workbench.store.listing import list_runs, read_summary


def test_a_damaged_result_goes_by_the_label_of_its_job(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mf-bpr", model="mf", params={"dim": 8}, seed=3)
    (folder / "metrics.json").write_text('{"metrics": ')
    run = read_summary(folder)
    assert (run.state, run.label, run.model, run.seed) == ("failed", "mf-bpr", "mf", 3)
    assert run.params == {"dim": 8}
    assert "metrics.json: damaged" in run.problem


def test_a_job_whose_state_is_gone_is_listed_and_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mf")
    (folder / "status.json").unlink()
    assert list_runs(tmp_path) == [], "it may just be in the making"
    os.utime(folder / "spec.yaml", (1.7e9, 1.7e9))
    (run,) = list_runs(tmp_path)
    assert (run.state, run.label) == ("failed", "mf")
    assert "status.json" in run.problem
