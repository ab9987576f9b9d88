"""From a run to the job that updates it with the events of another data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.earlier import Earlier
from recsys_core.config import parse_config
from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.interactions import Interactions
from recsys_core.data.npy import map_array
from recsys_core.data.row_keys import held, numbers_there, row_keys
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.pipeline.saved_run import load_run_split
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split, require_one_window
from recsys_core.registry import model_info
from recsys_core.run_folder import MODEL, read_result
from recsys_core.values import counted

#: what follows the label of the run that was updated
SUFFIX = "-update"
#: keys of the events that an updated model has learned from, itself or before
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
            f"update the run that it repeats, {spec.refit.run}, then refit in full",
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
            f"{name} cannot be updated: what it has learned does not say where to go on",
            "train it in full: recsys-workbench train --model NAME",
        )


@dataclass(frozen=True)
class Origin:
    """The run that a job updates, seen from the new data.

    Parameters
    ----------
    run
        Its id.
    anew
        Whether the model is fitted in full, which is as fast.
    changes
        What is new, gone or changed, by name.
    lineage
        The runs before, the direct one first: ``run``, ``split`` (fingerprint), ``judged`` (their
        test rows) and ``seen`` (how many of them this run learned from).
    """

    run: str
    anew: bool
    earlier: Earlier
    changes: dict[str, int]
    lineage: list[dict[str, Any]] = field(default_factory=list)
    learned: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

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
        """Note beside the model which events it has learned from."""
        np.save(folder / SEEN, self.learned, allow_pickle=False)


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
    check_model(spec.model)
    folder = Path(spec.update.folder)
    result = read_result(folder)
    if result["model"] != spec.model:
        raise InputError(
            f"run {spec.update.run} is of {result['model']}, not of {spec.model}",
            "name a run of that model",
        )
    before = load_run_split(result, folder, data_dir)
    old, new = before.dataset, split.dataset
    seen = _seen(before, result, folder)
    every = row_keys(new, new.user, new.item, new.timestamp)
    still_there = held(seen, np.sort(every))
    _check_shared(spec, split, still_there, data=old.name)
    _check_unseen(spec, split, held(every[split.test.rows], seen))
    users, items = (
        numbers_there(getattr(new, name), getattr(old, name)) for name in ("user_ids", "item_ids")
    )
    earlier = Earlier(folder / MODEL, spec.update.key, users, items, seen)
    known = np.sort(every[np.concatenate([split.train.rows, split.valid.rows])])
    lineage = [
        {
            "run": spec.update.run,
            "split": before.fingerprint,
            "judged": len(before.test),
            "seen": int(held(_keys(old, before.test), known).sum()),
        },
        *((result.get("updated_from") or {}).get("lineage") or []),
    ]
    changes = {
        "new_events": int((~held(known, seen)).sum()),
        "gone_events": int((~still_there).sum()),
        **_changes(old, new, users, items),
    }
    anew = getattr(model_info(spec.model).cls, "updates", None) == "anew"
    learned = np.sort(np.concatenate([seen, known]))
    return Origin(spec.update.run, anew, earlier, changes, lineage, learned)


def _keys(dataset: Dataset, *parts: Interactions) -> NDArray[np.uint64]:
    """Give the keys of some rows, ascending."""
    rows = np.concatenate([part.rows for part in parts])
    return np.sort(
        row_keys(dataset, dataset.user[rows], dataset.item[rows], dataset.timestamp[rows])
    )


def _seen(before: Split, result: Mapping[str, Any], folder: Path) -> NDArray[np.uint64]:
    """Collect the keys of what a run has learned from or was chosen by, itself or before."""
    if not result.get("updated_from"):
        return _keys(before.dataset, before.train, before.valid)
    path = folder / MODEL / SEEN
    try:
        found = map_array(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}", TRAIN_AGAIN) from error
    return np.sort(found.astype(np.uint64))


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
        "changed_users": _changed(old.user_columns, new.user_columns, users),
        "changed_items": _changed(old.item_columns, new.item_columns, items),
    }


def _changed(old: Mapping[str, Column], new: Mapping[str, Column], there: NDArray[np.int64]) -> int:
    """Count the users or items that both data sets have, with another value in a column of both."""
    here = np.flatnonzero(there >= 0)
    differs = np.zeros(len(here), dtype=np.bool_)
    for name in old.keys() & new.keys():
        before, now = _texts(old[name], there[here]), _texts(new[name], here)
        differs |= np.array([a != b for a, b in zip(before, now, strict=True)], dtype=np.bool_)
    return int(differs.sum())


def _texts(column: Column, rows: NDArray[np.integer]) -> list[Any]:
    """Give the values of some rows so that they can be compared between data sets."""
    match column:
        case Categorical(codes, vocabulary):
            return list(np.append(vocabulary, "")[codes[rows]])  # -1 picks the last
        case MultiCategorical(offsets, codes, vocabulary):
            ends = zip(offsets[rows].tolist(), offsets[rows + 1].tolist(), strict=True)
            return [tuple(vocabulary[codes[a:b]].tolist()) for a, b in ends]
        case Numeric(values):
            return list(np.nan_to_num(values[rows], nan=np.inf))
        case Text(values):
            return list(values[rows])
        case Vectors(values):
            return [row.tobytes() for row in values[rows]]
