"""Models: fitted on the train rows of a split, judged on its test rows, asked for items."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from recsys_core.errors import InputError
from recsys_core.events import OnEvent, ignore
from recsys_core.front.results import Result
from recsys_core.front.wording import python_words
from recsys_core.pipeline.ids import Id
from recsys_core.pipeline.recommender import (
    Event,
    Known,
    Recommendation,
    Recommender,
    UserLists,
    check_known,
)
from recsys_core.pipeline.run import FittedJob, check_ks, check_split, fit_job, judge_job
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from recsys_core.registry import Stage, model_info

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class Fitted:
    """A fitted model and the split that it learned from.

    Parameters
    ----------
    job
        What `pipeline.run.fit_job` gave.
    """

    job: FittedJob

    @property
    def label(self) -> str:
        """Its name in results."""
        return self.job.spec.name

    @property
    def stage(self) -> Stage:
        """``recall``, ``ranking`` or ``two-stage``."""
        return model_info(self.job.spec.model).stage

    @property
    def params(self) -> dict[str, Any]:
        """Every field of the model, defaults included."""
        return self.job.params

    @property
    def split(self) -> Split:
        """What it learned from."""
        return self.job.split

    @property
    def model(self) -> Any:
        """The model itself, e.g. for its `similar_items` or `save`."""
        return self.job.job.model

    @property
    def curve(self) -> list[dict[str, float]]:
        """One dict per epoch: loss and validation metrics; empty for closed-form models."""
        return self.job.job.curve

    @property
    def fit_seconds(self) -> float:
        """How long it took."""
        return self.job.fit_seconds

    @cached_property
    def recommender(self) -> Recommender:
        """It and its data, ready to be asked; histories are those known at test time.

        Raises
        ------
        InputError
            It is a ranking model, which scores rows it is given.
        """
        return self._recommender("split")

    @cached_property
    def _recommender_of_all(self) -> Recommender:
        return self._recommender("all")

    def _recommender(self, known: Known) -> Recommender:
        if self.stage == "ranking":
            raise InputError(
                f"recommend: {self.job.spec.model} is a ranking model: it scores rows it is given",
                "use a recall model, or fit('two-stage', …), which ranks what recall models find",
            )
        return Recommender(self.model, self.split, known)

    def __repr__(self) -> str:
        split, name = self.split, self.job.spec.model
        called = "" if self.label == name else f" as '{self.label}'"
        return (
            f"Fitted {name}{called} ({self.stage}, seed {self.job.spec.seed}) on"
            f" '{split.dataset.name}' by {split.protocol} in {self.fit_seconds:.1f} s"
        )


def fit(
    model: str,
    split: Split,
    *,
    features: str | Path | None = None,
    seed: int = 0,
    label: str = "",
    threads: int | None = None,
    device: str = "cpu",
    on_event: OnEvent = ignore,
    **params: Any,
) -> Fitted:
    """Train a model on the train rows of a split, as `recsys-workbench train` does.

    Parameters
    ----------
    model
        A registered name: ``recsys-workbench models list`` lists them.
    features
        A packaged feature schema or a YAML file, for models that read features; None: the model's
        default.
    seed
        Of initial weights, row order and sampling.
    label
        Name in results; empty: the model's name.
    threads
        CPU threads; None: all cores.
    device
        Where torch models train: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    on_event
        Is called with the progress, a `recsys_core.events.Event` at a time.
    params
        The model's fields that differ from their defaults: ``recsys-workbench models show NAME``.

    Raises
    ------
    InputError
        There is no such model or field, or it cannot learn from these data.

    Examples
    --------
    >>> from recsys_core import Dataset, fit, split
    >>> parts = split(Dataset.load("sample"), "leave-last-out")
    >>> fit("item-cf", parts, neighbours=50).params["neighbours"]
    50
    """
    from recsys_core.config import parse_config
    from recsys_core.pipeline.needs import lack

    if not isinstance(split, Split):
        raise InputError(f"fit: {type(split).__name__} instead of a split", "make one: split(…)")
    values = {
        "dataset": split.dataset.name,
        "protocol": {"name": split.protocol, **split.parameters},
        "model": model,
        "params": params,
        "features": None if features is None else str(features),
        "label": label,
        "seed": seed,
        "threads": threads,
        "device": device,
    }
    with python_words():
        spec = parse_config(JobSpec, values, "fit")
        check_split(spec, split)
        problem = lack(spec, split)
        if problem is not None:
            raise problem
        return Fitted(fit_job(spec, split, on_event=on_event))


def evaluate(
    fitted: Fitted, split: Split | None = None, *, ks: Sequence[int] = (10, 20, 50)
) -> Result:
    """Judge a fitted model on the test rows of its split.

    Parameters
    ----------
    split
        That which it was fitted on; may be left out.
    ks
        The cut-offs K of top-K metrics, each at most the number of items.

    Returns
    -------
    The metrics that `recsys-workbench train` reports, and their values user by user.

    Raises
    ------
    InputError
        A K is out of bounds, or the split is another one: the model may know its test rows.

    Examples
    --------
    >>> from recsys_core import Dataset, evaluate, fit, split
    >>> result = evaluate(fit("popularity", split(Dataset.load("sample"))), ks=[10])
    >>> 0 < result.metrics["ndcg@10"] < 1
    True
    >>> result.frame().shape == (result.counts["users"], len(result.user_metrics))
    True
    """
    from recsys_core.config import parse_config

    job = fitted.job
    if split is not None and split.fingerprint != job.split.fingerprint:
        raise InputError(
            f"evaluate: {fitted.label} was fitted on another split ({job.split.fingerprint}, this"
            f" is {split.fingerprint}): it may know rows that are to be judged",
            "fit it on this split",
        )
    given = tuple(ks) if isinstance(ks, Iterable) else ks
    with python_words():
        spec = parse_config(JobSpec, {**job.spec.model_dump(), "ks": given}, "evaluate")
        check_ks(spec.ks, job.split)
        return Result(judge_job(job, spec))


@overload
def recommend(  # type: ignore[overload-overlap]  # a text is one id, not several
    fitted: Fitted,
    users: str | int | None = None,
    k: int = 10,
    *,
    history: Sequence[Event] | None = None,
    exclude_seen: bool | None = None,
    candidates: Collection[Id] | None = None,
    without: Collection[Id] = (),
    known: Known = "split",
) -> list[Recommendation]: ...


@overload
def recommend(
    fitted: Fitted,
    users: Iterable[str | int],
    k: int = 10,
    *,
    exclude_seen: bool | None = None,
    candidates: Collection[Id] | None = None,
    without: Collection[Id] = (),
    known: Known = "split",
) -> pd.DataFrame: ...


def recommend(
    fitted: Fitted,
    users: str | int | Iterable[str | int] | None = None,
    k: int = 10,
    *,
    history: Sequence[Event] | None = None,
    exclude_seen: bool | None = None,
    candidates: Collection[Id] | None = None,
    without: Collection[Id] = (),
    known: Known = "split",
) -> list[Recommendation] | pd.DataFrame:
    """Recommend items to a user, to several, or to anybody by a history.

    Parameters
    ----------
    users
        An original id, or several; None: somebody new, of whom `history` is all there is.
    k
        Length of a list; it is shorter where the catalogue is.
    history
        What the one user did, oldest first: item ids, ``(id, rating)`` or ``(id, rating, seconds
        since 1970)``; it takes the place of what the data set knows.
    exclude_seen
        Whether to leave out the items of the history; None: as the protocol says.
    candidates
        Ids of the only items to list, best first; None: the whole catalogue.
    without
        Ids of items not to list.
    known
        ``"split"``: histories are train and validation rows; ``"all"``: every row of the data set.

    Returns
    -------
    For one user a list of `Recommendation` (`rank`, `item_id`, `title`, `score`, `channels`), for
    several a frame of ``user``, ``rank``, ``item``, ``title`` and ``score``, best items first.

    Raises
    ------
    InputError
        An unknown id, neither user nor history, no item left to list, or a ranking model.

    Examples
    --------
    >>> from recsys_core import Dataset, fit, recommend, split
    >>> fitted = fit("popularity", split(Dataset.load("sample")))
    >>> [one.rank for one in recommend(fitted, "7", k=2)]
    [1, 2]
    >>> recommend(fitted, ["7", "8"], k=2)["user"].tolist()
    ['7', '7', '8', '8']
    """
    check_known(known)
    asked = fitted.recommender if known == "split" else fitted._recommender_of_all
    if users is None or isinstance(users, str | int | np.integer):
        user = users if users is None else str(users)
        return asked.recommend(
            user,
            k,
            history=history,
            exclude_seen=exclude_seen,
            candidates=candidates,
            without=without,
        )
    if history is not None:
        raise InputError("recommend: one history for several users", "ask for one user at a time")
    blocks = asked.lists(
        users, k, exclude_seen=exclude_seen, candidates=candidates, without=without
    )
    return _lists(asked, blocks)


def _lists(recommender: Recommender, blocks: Iterable[UserLists]) -> pd.DataFrame:
    """Put the lists of several users into one frame."""
    import pandas as pd

    parts: list[dict[str, Any]] = [
        {
            "user": lists.user_ids,
            "rank": lists.ranks,
            "item": lists.item_ids,
            "title": recommender.titles_of(lists.items),
            "score": lists.scores,
        }
        for lists in blocks
    ]
    names = ("user", "rank", "item", "title", "score")
    columns = {name: [part[name] for part in parts] for name in names}
    return pd.DataFrame({name: np.concatenate(each or [[]]) for name, each in columns.items()})
