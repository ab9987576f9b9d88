"""Whose metric changes from the reference to another run: a histogram, and the most changed users.

`read_changes` is work of another thread, over connections of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from recsys_core.errors import InputError
from recsys_core.evaluation.names import is_descriptive
from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.text import plain, plain_lines
from workbench.store.users import Browse
from workbench.store.users_find import user_metrics
from workbench.store.users_gains import Changed, Changes, changes_of_users, gains_of_users
from workbench.tui.view.columns import at_main_cutoff
from workbench.tui.view.detail import Section
from workbench.tui.view.gains import count_gains, gain_columns, gain_section
from workbench.tui.view.table import Cell, Head, Row, Table

#: what is shown first, where runs have it
_FIRST = ("ndcg@10", "auc")
_USER, _EVENTS, _VALUE, _GAIN = 9, 7, 8, 9
_LEAST_WHO = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the users of two runs.

    Parameters
    ----------
    metrics
        What can be shown: both have it of each user.
    changes
        None where there is nothing to show.
    problem
        Why there is no histogram, or why no users stand below it.
    """

    metric: str = ""
    metrics: Sequence[str] = ()
    changes: Changes | None = None
    problem: str = ""
    dataset: str = ""
    keys: dict[str, tuple[str, Changed]] = field(default_factory=dict)


def read_changes(data_dir: Path, first: Run, second: Run, metric: str) -> Seen:
    """Read how a metric changes from one run to another; what cannot be read is said."""
    try:
        metrics = _shared(first, second)
        if not metrics:
            return Seen(problem="They have no metric of users in common.")
        usual = next((name for name in _FIRST if name in metrics), metrics[0])
        metric = metric if metric in metrics else usual
        seen = Seen(metric, metrics)
        dataset = first.metrics["dataset"]
        try:
            with Browse(data_dir, dataset["name"], dataset["fingerprint"]) as browse:
                changes = changes_of_users(browse, first, second, metric)
        except InputError as error:  # the data set is not here (any more): no users to go to
            gains = gains_of_users((first, second), metric, _users(first, metric))
            return replace(seen, changes=Changes(gains, (), ()), problem=_line(error))
        keys = {
            f"{order} {one.user.number}": (order, one)
            for order, listed in (("gain", changes.gain), ("loss", changes.loss))
            for one in listed
        }
        return replace(seen, changes=changes, dataset=dataset["name"], keys=keys)
    except InputError as error:
        return Seen(problem=_line(error))


def _shared(first: Run, second: Run) -> list[str]:
    """List metrics of users that both have, at the main cut-off, what lists are like at the end."""
    theirs = set(user_metrics(second))
    names = at_main_cutoff([name for name in user_metrics(first) if name in theirs])
    return sorted(names, key=is_descriptive)


def _users(run: Run, metric: str) -> int:
    select = "SELECT MAX(user) FROM user_metrics WHERE metric = ?"
    ((last,),) = results.query(run.path / RESULTS, select, (metric,))
    return 0 if last is None else int(last) + 1


def _line(error: InputError) -> str:
    return plain_lines(str(error)).replace("\n", ": ")


def changes_section(seen: Seen | None, labels: tuple[str, str], width: int) -> Section:
    """Draw how many users gain and lose, and how much."""
    first, second = labels
    title = f"Users, gain of {second} over {first}"
    if seen is None:
        return Section(title, ((Cell("reading …", "muted"),),))
    if seen.metric:
        title += f" in {plain(seen.metric)}"
    lines: list[tuple[Cell, ...]] = []
    if seen.changes is not None:
        deltas = seen.changes.deltas
        gains = count_gains(deltas, range(len(deltas)), gain_columns(width))
        if gains is not None:
            lines += gain_section(gains, seen.metric, labels, width).lines[:-1]
        else:
            lines.append((Cell("They judged no user in common.", "muted"),))
    if seen.problem:
        lines.append((Cell(seen.problem, "muted"),))
    return Section(title, tuple(lines))


def changes_table(seen: Seen, names: tuple[str, str], width: int) -> Table:
    """List the users who gain most, then those who lose most."""
    heads = [
        Head("user", "user", _USER),
        Head("events", "events", _EVENTS, right=True),
        Head("first", names[0], _VALUE, right=True),
        Head("second", names[1], _VALUE, right=True),
        Head("delta", "gain", _GAIN, right=True),
    ]
    room = width - sum(head.width + 2 for head in heads)
    if room >= _LEAST_WHO:
        heads.append(Head("who", "who", room))
    rows = []
    for order, title, style in (("gain", "gain most", "better"), ("loss", "lose most", "worse")):
        listed = [(key, one) for key, (of, one) in seen.keys.items() if of == order]
        if listed:
            rows.append(Row("", (), Cell(title, "head")))
            rows += [_row(key, one, style, len(heads)) for key, one in listed]
    return Table(tuple(heads), rows, [row.key for row in rows], fixed=1, note_from=1)


def _row(key: str, changed: Changed, style: str, columns: int) -> Row:
    user = changed.user
    arrow = "▲" if style == "better" else "▼"
    cells = (
        Cell(plain(user.user_id)),
        Cell(f"{user.events:,} "),
        Cell(f"{changed.first:.4f} "),
        Cell(f"{changed.second:.4f} "),
        Cell(f"{arrow} {changed.delta:+.2f} ", style),
        Cell(plain(", ".join(map(str, user.attributes.values()))), "muted"),
    )
    return Row(key, cells[:columns])
