"""From a run that was judged to the job that fits the same on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recsys_core.config import parse_config
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.stage_jobs import chosen_by
from recsys_core.registry import model_info
from recsys_core.run_folder import MODEL, read_result

#: what follows the label of the run that was judged
SUFFIX = "-refit"
#: folder of a run -> folder of the run that fits the same on all rows
FindRefit = Callable[[Path], Path]


def refit_spec(spec: JobSpec, folder: Path, find_refit: FindRefit, label: str = "") -> JobSpec:
    """Make the job that fits a run's model on all rows, with the epochs that it chose.

    Parameters
    ----------
    spec, folder
        The run's, which was judged.
    find_refit
        A two-stage run that takes models from runs needs theirs on all rows, too.
    label
        Name in reports; empty: that of the run and `SUFFIX`.

    Raises
    ------
    InputError
        There is no result, it is a refit itself, or does not say what it chose.
    """
    result = read_result(folder)
    if spec.refit is not None:
        raise InputError(
            f"run {folder.name} was fitted on all rows already: it has chosen nothing itself",
            f"refit the run that it repeats: {spec.refit.run}",
        )
    if spec.update is not None:
        raise InputError(
            f"run {folder.name} is an update of {spec.update.run}: its epochs are few",
            "refit a run that was trained in full",
        )
    config = model_config(spec)
    calibrated = getattr(config, "calibration", "none") != "none"
    refit = {
        "run": folder.name,
        "data": result["dataset"]["fingerprint"],
        "epochs": _chosen_epochs(spec, result, folder),
        "calibrations": _calibrations(folder) if calibrated else {},
    }
    params = spec.params
    if model_info(spec.model).stage == "two-stage":
        params = _with_refits(params, find_refit)
    changes = {"refit": refit, "params": params, "label": label or f"{spec.name}{SUFFIX}"}
    return parse_config(JobSpec, {**spec.model_dump(), **changes}, f"refit of run {folder.name}")


def _chosen_epochs(spec: JobSpec, result: Mapping[str, Any], folder: Path) -> dict[str, int]:
    """Read what validation chose; runs of earlier versions of one model tell it by their curve."""
    chosen = result.get("chosen_epochs")
    if isinstance(chosen, dict):
        return chosen
    if model_info(spec.model).stage == "two-stage":
        raise InputError(
            f"run {folder.name} was made by an earlier version, which did not note after how many "
            "epochs its channels were best",
            TRAIN_AGAIN,
        )
    return chosen_by(model_config(spec), result.get("curve", []))


def _calibrations(folder: Path) -> dict[str, dict[str, Any]]:
    from recsys_core.ranking.ranker import read_calibrations  # torch is slow to import

    return read_calibrations(folder / MODEL)


def _with_refits(params: Mapping[str, Any], find_refit: FindRefit) -> dict[str, Any]:
    """Take the models of runs from their refits."""

    def replaced(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "run": str(find_refit(Path(part["run"])))} if part.get("run") else part

    found = dict(params)
    if "channels" in found:
        found["channels"] = [replaced(channel) for channel in found["channels"]]
    if "ranker" in found:
        found["ranker"] = replaced(found["ranker"])
    return found
