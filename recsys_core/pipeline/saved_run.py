"""What a run folder keeps of its job: the model, and the split that it learned from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys_core.data.dataset import Dataset
from recsys_core.data.load import load_dataset
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.protocols.base import ProtocolConfig
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.base import RecallModel
from recsys_core.registry import model_info
from recsys_core.run_folder import MODEL


def load_model(name: str, folder: Path) -> RecallModel[Any]:
    """Read the model of a run, which has to be one that recommends."""
    info = model_info(name)
    if info.stage == "ranking":
        raise InputError(
            f"run {folder.name}: {info.name} is a ranking model: it scores rows it is given",
            "name a recall or two-stage run",
        )
    model: RecallModel[Any] = info.cls.load(folder / MODEL)
    return model


def check_fits(model: RecallModel[Any], dataset: Dataset, folder: Path) -> None:
    """Raise InputError for a model whose items and users are not those of the data set."""
    numbers = model.item_numbers
    n_items = dataset.n_items if numbers is None else len(numbers)
    found = (model.fingerprint, model.n_items, len(model.histories))
    if found != (dataset.fingerprint, n_items, dataset.n_users) or (
        numbers is not None and numbers.max(initial=-1) >= dataset.n_items
    ):
        raise InputError(
            f"{folder / MODEL}: this model was not trained on data set '{dataset.name}'",
            TRAIN_AGAIN,
        )


def load_run_split(result: Mapping[str, Any], folder: Path, data_dir: Path) -> Split:
    """Load the data set of a run and cut it as the run did, or not, if it had all rows.

    Parameters
    ----------
    result
        What `read_result` gave.

    Raises
    ------
    InputError
        The data set is not there, or is not the one the run was trained on.
    """
    dataset = load_run_data(result, folder, data_dir)
    protocol = run_protocol(result)
    return protocol.whole(dataset) if result.get("refit_of") else protocol.split(dataset)


def load_run_data(result: Mapping[str, Any], folder: Path, data_dir: Path) -> Dataset:
    """Load the data set of a run.

    Raises
    ------
    InputError
        As `load_run_split`.
    """
    name = result["dataset"]["name"]
    dataset = load_dataset(name, data_dir, offline=True)
    if dataset.fingerprint != result["dataset"]["fingerprint"]:
        raise InputError(
            f"data set '{name}' in {data_dir} is not the one run {folder.name} was trained on",
            "choose the run's data folder, or train again",
        )
    return dataset


def run_protocol(result: Mapping[str, Any]) -> ProtocolConfig:
    """Make the protocol that a run was cut by."""
    cut = result["protocol"]
    return make_protocol({"name": cut["name"], **cut["parameters"]})
