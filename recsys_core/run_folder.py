"""The files that a run leaves in its folder: their names, and the result read back.

`pipeline.run` writes the model and checkpoints, the workbench's `store.runs.Run` the other files
(runs/README.md has the format); a later run, `Recommender` and the workbench read them. What the
queue and people add to a folder is named where it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.reading import DamagedError, read_json

STATUS, SPEC, EVENTS, LOG = "status.json", "spec.yaml", "events.jsonl", "log.txt"
ENVIRONMENT, METRICS, RESULTS = "environment.json", "metrics.json", "results.sqlite"
MODEL, CHECKPOINT = "model", "checkpoint"
#: beside a saved model: what is known of users, which models of one split share
HISTORY = "history.npz"

#: where the scores of a run come from: a model trained here, or a file
Origin = Literal["own", "external"]

#: what is read of metrics.json to use a run's model, by the path of its keys
_TYPES: dict[str, type] = {
    "model": str,
    "stage": str,
    "params": dict,
    "dataset.name": str,
    "dataset.fingerprint": str,
    "protocol.name": str,
    "protocol.fingerprint": str,
    "protocol.parameters": dict,
}


def read_result(folder: Path) -> dict[str, Any]:
    """Read the result of a run folder, to use its model.

    Raises
    ------
    InputError
        There is none: no run folder, or a run that did not succeed; or it has no model.
    """
    path = folder / METRICS
    if not path.exists():
        raise InputError(f"{folder}: no result here", "name the folder of a run that succeeded")
    result = read_json(path, remedy=TRAIN_AGAIN)
    for where, kind in _TYPES.items():
        value: Any = result
        for key in where.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            raise DamagedError(f"{path}: damaged: it has no proper '{where}'", TRAIN_AGAIN)
    check_has_model(result, folder)
    return result


def check_has_model(result: Mapping[str, Any], folder: Path) -> None:
    """Raise InputError for the result of a run whose scores come from a file.

    Parameters
    ----------
    folder
        The run's, for the message.
    """
    if result.get("origin") == "external":
        raise InputError(
            f"run {folder.name} holds scores only: they come from a file, so there is no model",
            "name a run of a model that was trained here",
        )
