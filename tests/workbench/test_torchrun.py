"""Agents of torchrun, as docs/scale.md has it: two on the loopback interface."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.small import SMALL
from tests.workbench.conftest import Cli
from workbench.store.listing import list_runs
from workbench.store.runs import Run


@pytest.mark.soak  # each agent and each rank loads torch
def test_two_agents_train_what_one_process_trains(
    cli: Cli, runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    job = ["train", "--model", "lr", "--dataset", SMALL, "--threads", "1", "--set", "epochs=2"]
    line = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"]
    line += ["--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-id", "job1"]
    line += ["--rdzv-endpoint", f"127.0.0.1:{port}", "-m", "workbench.cli.ranks", *job]
    line += ["--runs-dir", str(tmp_path / "together"), "--data-dir", str(data_dir)]
    logs = [tmp_path / f"agent-{number}.log" for number in range(2)]
    agents = []
    for log in logs:
        with log.open("wb") as file:
            agents.append(subprocess.Popen(line, stdout=file, stderr=file, cwd=tmp_path))
    try:
        codes = [agent.wait(600) for agent in agents]
    finally:
        for agent in agents:
            agent.kill()
    assert codes == [0, 0], "\n".join(log.read_text() for log in logs)
    assert cli(*job).code == 0
    (together,), (alone,) = (list_runs(folder) for folder in (tmp_path / "together", runs_dir))
    ours, theirs = Run(together.folder), Run(alone.folder)
    assert (ours.spec["nproc"], "nproc" in theirs.spec) == (2, False)
    first, second = (
        [run.metrics["curve"][epoch]["loss"] for run in (ours, theirs)] for epoch in (0, 1)
    )
    assert first[0] == pytest.approx(first[1], rel=1e-6)
    # Adam's first steps are of one size, whatever rounding has left of a gradient
    assert second[0] == pytest.approx(second[1], rel=1e-3)
