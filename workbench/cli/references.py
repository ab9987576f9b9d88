"""Runs that a two-stage job takes models from, named as everywhere on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recsys_core.pipeline.spec import JobSpec
from recsys_core.registry import model_info
from workbench.store.manage import resolve_run


def with_run_folders(spec: JobSpec, runs_dir: Path) -> JobSpec:
    """Replace run ids, and parts of them, in `channels` and `ranker` by the runs' folders.

    Raises
    ------
    StoreError
        There is no such run, or several fit.
    """
    if model_info(spec.model).stage != "two-stage":
        return spec
    params: dict[str, Any] = dict(spec.params)
    if "channels" in params:
        params["channels"] = [_resolved(channel, runs_dir) for channel in params["channels"]]
    if "ranker" in params:
        params["ranker"] = _resolved(params["ranker"], runs_dir)
    return spec.model_copy(update={"params": params})


def _resolved(part: dict[str, Any], runs_dir: Path) -> dict[str, Any]:
    if not part.get("run"):
        return part
    return {**part, "run": str(resolve_run(runs_dir, part["run"]).path.absolute())}
