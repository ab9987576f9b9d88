"""A job that is done once for each of several test windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from recsys_core.evaluation.windows import over_windows
from recsys_core.pipeline.result import RunResult
from recsys_core.protocols.split import Split


def window_folder(checkpoint: Path | None, date: str) -> Path | None:
    """Give each window a checkpoint folder of its own; without a date there is a single one."""
    if not date or checkpoint is None:
        return checkpoint
    return checkpoint / f"window-{date.replace(':', '.')}"


def together(found: Mapping[str, RunResult], split: Split) -> RunResult:
    """Put windows together: means of what was measured; lists and model are those of the last.

    Parameters
    ----------
    found
        The results by the dates of their windows.
    split
        What they are windows of.
    """
    *_, last = found.values()
    each = list(found.values())
    evaluations = {date: one.judged.evaluation for date, one in found.items()}
    return replace(
        last,
        split=split,
        environment={**last.environment, "split_fingerprint": split.fingerprint},
        judged=replace(last.judged, evaluation=over_windows(evaluations)),
        validation={
            name: float(np.mean([one.validation[name] for one in each]))
            for name in last.validation
            if all(name in one.validation for one in each)
        },
        fit_seconds=sum(one.fit_seconds or 0.0 for one in each),
        eval_seconds=sum(one.eval_seconds for one in each),
    )
