"""What protocols and models need of a data set: refusals before anything runs, and notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys_core.data.dataset import PART, Categorical, Dataset
from recsys_core.errors import InputError
from recsys_core.pipeline.feature_schemas import feature_schema
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.serves import cannot_serve
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.base import LEAST_IDS
from recsys_core.protocols.registry import PROTOCOLS, make_protocol
from recsys_core.protocols.split import Split
from recsys_core.protocols.time_cuts import MIN_EVENTS
from recsys_core.ranking.labels import label_problem, without_ratings
from recsys_core.registry import model_info


def check_columns(spec: JobSpec, *, explicit: bool, timed: bool, parted: bool) -> None:
    """Raise InputError where the protocol needs something of events that the set does not have."""
    flags = {"explicit": explicit, "timed": timed, "parted": parted}
    refusal = make_protocol(spec.protocol).refusal(spec.dataset, **flags)
    if refusal is not None:
        raise refusal


def lack_of_ratings(spec: JobSpec, *, explicit: bool) -> InputError | None:
    """Say why a model cannot learn from a set without ratings; None: it can."""
    if explicit or model_info(spec.model).stage != "ranking":
        return None
    if make_protocol(spec.protocol).negatives:
        return None
    return without_ratings(spec.dataset)


def lack(spec: JobSpec, split: Split) -> InputError | None:
    """Say why a model cannot learn from the train rows, or be judged; None: it can.

    Raises
    ------
    InputError
        A feature that the set does not have.
    """
    info = model_info(spec.model)
    refusal = cannot_serve(spec, model_config(spec), split)
    if refusal is not None:
        return refusal
    if info.stage != "ranking":
        return None
    tasks = model_config(spec).task_names  # type: ignore[attr-defined]
    drawn = bool(split.negatives)
    problems = (label_problem(task, split.train, drawn=drawn) for task in tasks)
    found = next((problem for problem in problems if problem is not None), None)
    if found is None:
        feature_schema(info, spec.features, split.dataset)
    return found


def notes(dataset: Dataset) -> list[str]:
    """Say what a data set is not fit for: what protocols and models refuse, and why."""
    found = []
    if dataset.synthetic:
        found.append("synthetic: generated, so results say nothing about real data")
    for side, count in (("user", dataset.n_users), ("item", dataset.n_items)):
        if count < LEAST_IDS:
            found.append(f"{count} {side}: every protocol refuses it, {LEAST_IDS} are needed")
    parted = PART in dataset.event_columns
    flags = {"explicit": dataset.explicit, "timed": dataset.timed, "parted": parted}
    known = {name: one for name, one in PROTOCOLS.items() if parted or not one.needs_parts}
    taken = [name for name, one in known.items() if one().refusal(dataset.name, **flags) is None]
    refused = [name for name in known if name not in taken]
    if refused:
        found.append(f"no times: {_listed(refused)} refuse it; use {_listed(taken, 'or')}")
    found += _part_notes(dataset) + _rating_notes(dataset) + _repeat_notes(dataset)
    return found + _short_users(dataset, taken)


def _part_notes(dataset: Dataset) -> list[str]:
    column = dataset.event_columns.get(PART)
    if not isinstance(column, Categorical):
        return []
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.vocabulary))
    parts = [f"{name} {count:,}" for name, count in zip(column.vocabulary, counts, strict=True)]
    return [f"parts of a split ({', '.join(parts)}): use --protocol given"]


def _rating_notes(dataset: Dataset) -> list[str]:
    if not dataset.explicit:
        remedy = "recsys-workbench eval --set protocol.negatives=4"
        found = "no ratings and no labels: every event is relevant, and ranking models learn only"
        return [f"{found} from rows drawn beside the events, with {remedy}"]
    if dataset.labelled:
        return _label_notes(dataset)
    low, high = dataset.rating.min(), dataset.rating.max()
    relevance = next(iter(PROTOCOLS.values()))().relevance
    if relevance is not None and high < relevance:
        remedy = f"use recsys-workbench eval --set protocol.relevance={high:g}, or null"
        return [f"no rating reaches relevance {relevance:g}, so that protocols refuse it; {remedy}"]
    without = "every event is relevant, and ranking models have nothing to learn from"
    return [f"every rating is {low:g}: {without}"] if low == high else []


def _label_notes(dataset: Dataset) -> list[str]:
    positive = int(np.count_nonzero(dataset.rating))
    if positive in (0, dataset.n_interactions):
        which = "every" if positive else "no"
        return [f"{which} event has label 1: ranking models have nothing to learn from"]
    share = positive / dataset.n_interactions
    found = f"labels, {share:.1%} of them 1: these are relevant, and what recall models learn from"
    return [f"{found}; ranking models learn from all"]


def _repeat_notes(dataset: Dataset) -> list[str]:
    if not dataset.n_repeats:
        return []
    found = f"events of a user with an item met before: {dataset.n_repeats:,}"
    remedy = "recsys-workbench eval --set protocol.known_items=allow"
    return [f"{found}; lists leave out what is known, unless you use {remedy}"]


def _short_users(dataset: Dataset, taken: list[str]) -> list[str]:
    """Count the users on whom cuts within users only train."""
    cuts = [name for name in ("user-timeline", "leave-last-out") if name in taken]
    short = int(np.count_nonzero(np.bincount(dataset.user) < MIN_EVENTS))
    if not (cuts and short):
        return []
    which = f"users with fewer than {MIN_EVENTS} events"
    return [f"{which}, on whom {_listed(cuts)} only train: {short:,}"]


def _listed(names: Sequence[str], word: str = "and") -> str:
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
