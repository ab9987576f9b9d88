"""What rows must be like so that a ranking model can learn from their labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError

TaskName = Literal["like", "love", "rating"]
#: the rating that a row of the task `love` has at least
LOVED = 5.0

LABELS: dict[TaskName, Callable[[Interactions], NDArray[np.generic]]] = {
    "like": lambda rows: rows.relevant,
    "love": lambda rows: rows.rating >= LOVED,
    "rating": lambda rows: rows.rating,
}
BINARY: tuple[TaskName, ...] = ("like", "love")


def without_ratings(dataset: str) -> InputError:
    """Build the error for ranking models on a set without ratings."""
    return InputError(
        f"data set '{dataset}' has no ratings and no labels, so that every row is relevant:"
        " ranking models need irrelevant rows, too",
        "draw some beside each event, --set protocol.negatives=4, or use recall models or"
        " two-stage: popularity, item-cf, mf …",
    )


def _no_ratings_to_predict(task: TaskName, dataset: str) -> InputError:
    return InputError(
        f"data set '{dataset}' has no ratings, which the task {task} is about",
        "set the model's tasks to [like]: --set LABEL.tasks=[like]",
    )


def label_problem(task: TaskName, train: Interactions, *, drawn: bool) -> InputError | None:
    """Say why train rows teach nothing of a task: they are all of one class; None: they do.

    Parameters
    ----------
    drawn
        Whether items are drawn beside the rows, which are label 0.
    """
    if drawn:
        return None if task == "like" else _no_ratings_to_predict(task, train.dataset.name)
    dataset = train.dataset
    if task not in BINARY:
        return _no_ratings_to_predict(task, dataset.name) if dataset.labelled else None
    if not dataset.explicit:
        return without_ratings(dataset.name)
    if dataset.labelled and task != "like":
        return _no_ratings_to_predict(task, dataset.name)
    labels = LABELS[task](train)
    positive = int(np.count_nonzero(labels))
    if 0 < positive < len(labels):
        return None
    if len(labels) == 0:
        return InputError("ranking models need train rows; there are none", "use a larger set")
    which = "every" if positive else "no"
    if task == "love":
        return InputError(
            f"data set '{dataset.name}': {which} train row is rated {LOVED:g} or above,"
            " so that the task love has one class only",
            "set the model's tasks to [like], or to [like, rating]",
        )
    if dataset.labelled:
        return InputError(
            f"data set '{dataset.name}': {which} train row counts as label 1:"
            " ranking models need rows of both kinds",
            "use recall models or two-stage, or leave the protocol's relevance as it is",
        )
    low, high = train.rating.min(), train.rating.max()
    one_class = f"so that {which} row is relevant: ranking models need rows of both kinds"
    if low == high:
        return InputError(
            f"data set '{dataset.name}': every train row is rated {low:g}, {one_class}",
            "use recall models or two-stage: popularity, item-cf, mf …",
        )
    found = "relevance is null" if train.threshold is None else f"relevance is {train.threshold:g}"
    return InputError(
        f"data set '{dataset.name}': {found} and train rows are rated {low:g} to {high:g},"
        f" {one_class}",
        f"set the protocol's relevance above {low:g}: --set protocol.relevance={high:g}",
    )
