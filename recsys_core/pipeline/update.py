"""From a run to the job that updates it with the events of another data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.earlier import Earlier
from recsys_core.config import parse_config
from recsys_core.data.changes import count_changed
from recsys_core.data.dataset import Dataset
from recsys_core.data.npy import map_array
from recsys_core.data.row_keys import held, keys_of, numbers_there, rows_there
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.pipeline.saved_run import load_run_data, run_protocol
from recsys_core.pipeline.spec import JobSpec, Update
from recsys_core.protocols.base import DROPPED, TEST, TRAIN, VALID
from recsys_core.protocols.numbering import Numbering
from recsys_core.protocols.split import Split, require_one_window
from recsys_core.recall.base import NUMBERS
from recsys_core.registry import model_info
from recsys_core.run_folder import MODEL, read_result
from recsys_core.saving.model import read_model
from recsys_core.values import counted

#: what follows the label of the run that was updated
SUFFIX = "-update"
#: keys of the events that an updated model has learned from beside its own rows: they are gone
SEEN = "seen.npy"
#: share of the events that a run has learned from which new data must have
LEAST_SHARED = 0.5


def update_spec(spec: JobSpec, folder: Path, dataset: str, label: str = "") -> JobSpec:
    """Make the job that updates a run.

    Parameters
    ----------
    spec, folder
        The run's.
    dataset
        The new data: all events, earlier ones too.
    label
        Name in reports; empty: that of the run and `SUFFIX`.

    Raises
    ------
    InputError
        There is no result, or its model cannot be updated.
    """
    result = read_result(folder)
    check_model(spec.model)
    if spec.refit is not None:
        raise InputError(
            f"run {folder.name} was fitted on all rows: an update of it could not be judged",
            f"update the run that it repeats, {spec.refit.run}; for a fit on all rows of the new "
            "data, train in full on them and refit that run",
        )
    update = {
        "run": folder.name,
        "folder": str(folder.absolute()),
        "key": str(result.get("reuse_key") or result["protocol"]["fingerprint"]),
    }
    name = label or f"{spec.name.removesuffix(SUFFIX)}{SUFFIX}"
    changes = {"dataset": dataset, "label": name, "update": update}
    return parse_config(JobSpec, {**spec.model_dump(), **changes}, f"update of run {folder.name}")


def check_model(name: str) -> None:
    """Raise InputError for a model that cannot be updated."""
    info = model_info(name)
    if info.stage == "two-stage":
        raise InputError(
            "two-stage is made of several models, which are updated one by one",
            "update the runs of its channels and its ranker, then train it on these (run: RUN)",
        )
    if info.stage == "recall" and getattr(info.cls, "updates", None) is None:
        raise InputError(
            f"{name} cannot be updated: it cannot continue from what it has learned",
            "train it in full: recsys-workbench train --model NAME",
        )


@dataclass(frozen=True)
class Origin:
    """The run that a job updates, seen from the new data.

    Parameters
    ----------
    run
        Its id.
    earlier
        What its model is to the new data; None: the model is fitted in full, which is as fast.
    changes
        What is new, gone or changed, by name.
    lineage
        The runs before, the direct one first: ``run``, ``split`` (fingerprint), ``judged`` (their
        test rows) and ``seen`` (how many of them this run learned from).
    gone
        Ascending keys (`row_keys`) of what the runs before learned from and this one does not.
    """

    run: str
    earlier: Earlier | None
    changes: dict[str, int]
    lineage: list[dict[str, Any]]
    gone: NDArray[np.uint64]

    @property
    def anew(self) -> bool:
        """Whether the model is fitted in full."""
        return self.earlier is None

    def content(self) -> dict[str, Any]:
        """Say it as metrics.json has it."""
        return {
            "run": self.run,
            "anew": self.anew,
            "changes": self.changes,
            "lineage": self.lineage,
        }

    def said(self) -> list[str]:
        """Say what is new, and what is not there any more."""
        count = self.changes
        how = "fitted in full, which is as fast" if self.anew else "from what it has learned"
        new = _counted(count, {f"new_{each}s": f"new {each}" for each in ("event", "user", "item")})
        gone = {"gone_events": "earlier event", "gone_users": "user", "gone_items": "item"}
        changed = {"changed_users": "user", "changed_items": "item"}
        return [
            f"updating run {self.run} {how}: {new or 'nothing is new'}",
            *(f"no longer in the data: {text}" for text in [_counted(count, gone)] if text),
            *(
                f"other attributes than before: {text}"
                for text in [_counted(count, changed)]
                if text
            ),
        ]

    def save(self, folder: Path) -> None:
        """Note beside the model what it has learned from that is none of its own rows."""
        np.save(folder / SEEN, self.gone, allow_pickle=False)


def _counted(count: Mapping[str, int], nouns: Mapping[str, str]) -> str:
    """Name what there is some of."""
    return ", ".join(counted(count[name], noun) for name, noun in nouns.items() if count[name])


def find_origin(spec: JobSpec, split: Split, data_dir: Path) -> Origin:
    """Look at the run that a job updates: its model, its data, and what of them is here.

    Raises
    ------
    InputError
        The run or its data are gone or others than they were, the new data lack most of its events,
        it has learned from rows that would be judged, or its model cannot be updated.
    """
    assert spec.update is not None, "asked for updates alone"
    require_one_window(split, "an update is judged on")
    folder = Path(spec.update.folder)
    result = _result_before(spec.model, spec.update)
    old, new = load_run_data(result, folder, data_dir), split.dataset
    users, items = (
        numbers_there(getattr(new, name), getattr(old, name)) for name in ("user_ids", "item_ids")
    )
    rows, parts = rows_there(new, old, users, items), run_protocol(result).parts_of(old)
    learned = (parts == TRAIN) | (parts == VALID)
    gone = _gone(result, folder)
    seen, still = _met(new, rows, learned, gone)
    _check_shared(spec, split, still, data=old.name)
    _check_unseen(spec, split, seen[split.test.rows])
    known = np.zeros(new.n_interactions, dtype=np.bool_)
    known[split.train.rows] = known[split.valid.rows] = True
    before = {
        "run": spec.update.run,
        "split": result["protocol"]["fingerprint"],
        "judged": int((parts == TEST).sum()),
        "seen": int((np.append(parts, DROPPED)[rows[known]] == TEST).sum()),
    }
    lineage = [before, *((result.get("updated_from") or {}).get("lineage") or [])]
    changes = {
        "new_events": int((known & ~seen).sum()),
        "gone_events": int((~still).sum()),
        **_changes(old, new, users, items),
    }
    earlier = None
    if getattr(model_info(spec.model).cls, "updates", None) != "anew":
        there = items
        if model_info(spec.model).stage == "recall":
            there = _numbers_there(split, old, result, folder, items)
        keys = _with_keys(gone, old, learned)
        earlier = Earlier(folder / MODEL, spec.update.key, users, there, keys)
    learned[rows[known & (rows >= 0)]] = False
    if len(gone):
        gone = gone[~held(gone, np.sort(keys_of(new, np.flatnonzero(known))))]
    gone = _with_keys(gone, old, learned)
    return Origin(spec.update.run, earlier, changes, lineage, gone)


def _result_before(model: str, update: Update) -> dict[str, Any]:
    """Read the result of the run that a job updates, which is of the same model."""
    check_model(model)
    result = read_result(Path(update.folder))
    if result["model"] != model:
        raise InputError(
            f"run {update.run} is of {result['model']}, not of {model}", "name a run of that model"
        )
    return result


def _numbers_there(
    split: Split, old: Dataset, result: Mapping[str, Any], folder: Path, items: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Say in the numbers that models have what `items` says in those of the data sets."""
    own, saved = Numbering.of(split), Numbering(old)
    if result["protocol"]["counts"].get("filtered_rows"):
        _, arrays = read_model(folder / MODEL, model_info(result["model"]).cls.__name__)
        saved = Numbering(old, arrays.get(NUMBERS))
    there = np.where(items >= 0, saved.own(items), -1).astype(np.int64)
    return there if own.items is None else there[own.items]


def _gone(result: Mapping[str, Any], folder: Path) -> NDArray[np.uint64]:
    """Read the keys of what a run has learned from beside its own rows, ascending."""
    if not result.get("updated_from"):
        return np.empty(0, dtype=np.uint64)
    path = folder / MODEL / SEEN
    try:
        return np.sort(map_array(path).astype(np.uint64))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}", TRAIN_AGAIN) from error


def _met(
    new: Dataset,
    rows: NDArray[np.int64],
    learned: NDArray[np.bool_],
    gone: NDArray[np.uint64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which new events were learned from, and which events learned from are still there.

    Parameters
    ----------
    rows
        Of each new event: its row in the data before; -1: it has none.
    learned
        Of each row of the data before: whether the run learned from it.
    gone
        Keys of what it has learned from beside them.

    Returns
    -------
    Shapes (n_interactions,), and (events learned from,).
    """
    seen = np.append(learned, False)[rows]
    there = np.zeros(len(learned), dtype=np.bool_)
    there[rows[rows >= 0]] = True
    still = there[learned]
    if len(gone):
        every = keys_of(new, np.arange(new.n_interactions))
        seen |= held(every, gone)
        still = np.append(still, held(gone, np.sort(every)))
    return seen, still


def _with_keys(
    keys: NDArray[np.uint64], dataset: Dataset, chosen: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """Add the keys of some events to others, ascending."""
    return np.sort(np.append(keys, keys_of(dataset, np.flatnonzero(chosen))))


def _check_shared(spec: JobSpec, split: Split, shared: NDArray[np.bool_], *, data: str) -> None:
    """Refuse data that lack most of what the run has learned from: they are not all events."""
    assert spec.update is not None
    if len(shared) and shared.mean() < LEAST_SHARED:
        raise InputError(
            f"data set '{split.dataset.name}' has {shared.mean():.0%} of the events that run"
            f" {spec.update.run} learned from (of '{data}')",
            "give all events, those of before and the new ones, with the same ids of users and "
            "items",
        )


def _check_unseen(spec: JobSpec, split: Split, leaked: NDArray[np.bool_]) -> None:
    """Refuse to judge on rows that the run has learned from."""
    assert spec.update is not None
    if leaked.any():
        raise InputError(
            f"{leaked.sum():,} of the {len(split.test):,} test rows of protocol {split.protocol}"
            f" are rows that run {spec.update.run} learned from: no update can be judged on them",
            "use a protocol that cuts by time, for the run and its update; or train in full",
        )


def _changes(
    old: Dataset, new: Dataset, users: NDArray[np.int64], items: NDArray[np.int64]
) -> dict[str, int]:
    return {
        "new_users": int((users < 0).sum()),
        "new_items": int((items < 0).sum()),
        "gone_users": old.n_users - int((users >= 0).sum()),
        "gone_items": old.n_items - int((items >= 0).sum()),
        "changed_users": count_changed(old.user_columns, new.user_columns, users),
        "changed_items": count_changed(old.item_columns, new.item_columns, items),
    }
