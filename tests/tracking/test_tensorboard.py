"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tracking.fakes import LIMITS, finish, report, running
from workbench.tracking.follower import Follower
from workbench.tracking.journal import following
from workbench.tracking.targets import load_tracker, parse_target

pytestmark = pytest.mark.extras


def test_what_tensorboard_shows(tmp_path: Path) -> None:
    run = running(tmp_path / "runs")
    target = parse_target(f"tensorboard:{tmp_path / 'curves'}")
    report(run, 1, loss=0.5)
    with following(run.path, target):
        Follower(run, target, lambda: load_tracker(target), LIMITS).step()  # and is killed
        report(run, 2, loss=0.25)
        finish(run)
        Follower(run, target, lambda: load_tracker(target), LIMITS).step()

    found = _read(tmp_path / "curves" / run.run_id)
    tags = found.Tags()
    curve = [(event.step, event.value, event.wall_time) for event in found.Scalars("fit/loss")]
    assert curve == [(1, 0.5, 2.5), (2, 0.25, 2.5)]
    assert sorted(tags["scalars"]) == [
        "fit/loss",
        "test/ndcg@10",
        "test/ndcg@10/high",
        "test/ndcg@10/low",
    ]
    assert found.Scalars("test/ndcg@10/low")[0].value == pytest.approx(0.2)
    (text,) = found.Tensors("report")
    assert b"ndcg@10" in text.tensor_proto.string_val[0]
    settings = found.SummaryMetadata("_hparams_/session_start_info").plugin_data
    assert settings.plugin_name == "hparams"
    assert b"protocol.name" in settings.content
    assert "_hparams_/session_end_info" in tags["tensors"]


def _read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found
