"""Finding users worth a look: ``age=25 genre=Horror min-history=50 worst=ndcg@10``.

All conditions must hold. SQLite answers how ids begin, `Facets` what attributes, histories and
metrics say, and orders; the users found are numbers, so that a list of 100,000 of them is there at
once and only what is looked at is read in full.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys_core.errors import InputError
from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_facets import Facets, Ranking
from workbench.store.users_inspect import threshold_of
from workbench.store.users_question import Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HAVE_VALUES = """SELECT named.value FROM json_each(?) AS named
WHERE EXISTS (SELECT 1 FROM user_metrics WHERE metric = named.value) ORDER BY named.key"""


@dataclass(frozen=True, slots=True)
class Found:
    """Users by number in the order asked for; `values` is parallel to them, or empty.

    Parameters
    ----------
    column
        What `values` are: ``ndcg@10``, ``Δ ndcg@10``, ``Horror``; empty without.
    """

    users: Sequence[int] = ()
    values: Sequence[float] = ()
    column: str = ""


def user_metrics(run: Run) -> list[str]:
    """List the metrics that a run has of each user, in the order of its metrics.json."""
    names = json.dumps(list(run.metrics["metrics"]))
    return [str(row[0]) for row in results.query(run.path / RESULTS, _HAVE_VALUES, (names,))]


def user_attributes(browse: Browse) -> list[str]:
    """List the attributes that users of the set have."""
    rows = browse.query(
        "SELECT DISTINCT key FROM (SELECT attributes FROM users LIMIT 1000), json_each(attributes)"
    )
    return sorted(str(row[0]) for row in rows)


def find_users(
    browse: Browse, question: Question, runs: Sequence[Run] = (), facets: Facets | None = None
) -> Found:
    """Find the users that meet all conditions.

    Parameters
    ----------
    runs
        The first has the metrics; ``gain`` and ``loss`` compare the second with the first.
    facets
        Of this data set, from an earlier search: it is not read again.

    Raises
    ------
    InputError
        A metric without a run, or a gain without two.
    StoreError
        The data set or a run's results are damaged.
    """
    if question == Question(prefix=question.prefix):  # needs no arrays, which take a moment
        return Found(_beginning(browse, question.prefix))
    facets = facets or Facets()
    fits = _fitting(browse, question, runs, facets)
    users, values, column = fits.nonzero()[0], None, ""
    if question.genres:
        column = question.genres[0][0]
        ranking = facets.share(browse, column)
        users, values = ranking.users, ranking.values
    if question.order:
        ranking, name = _ranked(browse, question.order, runs, facets)
        users = ranking.users
        values, column = (ranking.values, name) if name else (values, column)
    users = users[fits[users]]
    shown = () if values is None else array("d", values[users].tobytes())
    return Found(array("i", users.astype("i").tobytes()), shown, column)


def _fitting(
    browse: Browse, question: Question, runs: Sequence[Run], facets: Facets
) -> NDArray[np.bool_]:
    """Tell of each user whether all conditions hold."""
    import numpy as np

    fits = facets.having_events(browse, question.low, question.high)
    for name, sign, value in question.attributes:
        fits &= facets.having(browse, name, sign, value)
    for name, sign, bound in question.metrics:
        if not runs:
            raise _no_run(name)
        fits &= facets.reaching(browse, runs[0], name, sign, bound)
    if question.genres:
        fits &= facets.liking(browse, question.genres)
    listed = _who_know(browse, question, runs) if question.items else []
    listed += [_beginning(browse, question.prefix)] if question.prefix else []
    for users in listed:
        is_listed = np.zeros_like(fits)
        is_listed[users] = True
        fits &= is_listed
    return fits


def _beginning(browse: Browse, prefix: str) -> Sequence[int]:
    """Find the users whose id begins with `prefix`."""
    if not prefix:
        return range(len(browse))
    rows = browse.rows(
        "SELECT user FROM users WHERE user_id >= ? AND user_id < ? ORDER BY user",
        (prefix, prefix + "\U0010ffff"),
    )
    return array("i", (row[0] for row in rows))


def _ranked(
    browse: Browse, order: tuple[str, str], runs: Sequence[Run], facets: Facets
) -> tuple[Ranking, str]:
    """Rank the users; the name of what they are ranked by, empty for what is shown anyway."""
    kind, metric = order
    if metric == "events":
        return facets.ranked(browse, order), ""
    compares = kind in ("gain", "loss")
    if compares and len(runs) != 2:
        raise InputError(
            f"{kind}={metric} compares two runs",
            "name two: recsys-workbench user --find … --run RUN --run RUN",
        )
    if not runs:
        raise _no_run(metric)
    ranking = facets.ranked(browse, order, runs)
    if compares and not len(ranking.users):
        _check_metric(metric, runs)
    return ranking, f"Δ {metric}" if compares else metric


def _check_metric(metric: str, runs: Sequence[Run]) -> None:
    """Raise InputError for a run that does not have the metric of any user."""
    for run in runs:
        if not results.query(run.path / RESULTS, _HAVE_VALUES, (json.dumps([metric]),)):
            raise InputError(
                f"run {run.run_id} has no {metric} of users", "name two runs of the same stage"
            )


def _no_run(metric: str) -> InputError:
    return InputError(
        f"'{metric}' is a metric of a run", "name one: recsys-workbench user --find … --run RUN"
    )


def _who_know(browse: Browse, question: Question, runs: Sequence[Run]) -> list[Sequence[int]]:
    """Find the users who rated or liked each of the items."""
    threshold = threshold_of(runs[0] if runs else None, browse)
    return [
        [
            fan.user
            for fan in browse.fans(browse.item_called(item_id), len(browse))
            if kind == "rated" or threshold is None or (fan.rating or 0) >= threshold
        ]
        for kind, item_id in question.items
    ]
