"""What a person chose to see of the runs: plain values, so that a session can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from recsys_core.values import counted
from workbench.store.text import plain

#: states of runs that ended without one
WITHOUT_RESULT = ("failed", "cancelled", "interrupted")
Mode = Literal["value", "delta", "percent"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Choice:
    """The runs that users and items are shown with.

    Parameters
    ----------
    runs
        Their ids, in order.
    of
        Baseline and marks of Results when it was made: with others it is made anew.
    asked
        Whether a person named them one by one.
    """

    runs: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The choices.

    Parameters
    ----------
    sort
        Column key, and whether the largest comes first.
    baseline
        Id of the pinned run.
    fold_seeds
        One row for the seeds of a job: mean and standard deviation.
    hide_unchanged
        Leave out the columns of what runs are in which all of them agree.
    hide_failed
        Leave out runs that ended without a result.
    cutoff
        The K whose metrics are shown; None: the main one, 0: all of them.
    by_stage
        Recall, ranking and two-stage runs below headings of their own.
    hidden
        Keys of columns that were taken off.
    order
        Keys of columns in the order that was asked for; those not named follow.
    """

    filter_text: str = ""
    sort: tuple[str, bool] | None = None
    marked: frozenset[str] = frozenset()
    only_marked: bool = False
    baseline: str | None = None
    mode: Mode = "value"
    hide_unchanged: bool = True
    hide_failed: bool = False
    cutoff: int | None = None
    fold_seeds: bool = False
    by_stage: bool = False
    hidden: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()

    def leaves_out(self, state: str) -> bool:
        """Tell whether runs in a state are left out."""
        return self.hide_failed and state in WITHOUT_RESULT

    def next_mode(self) -> Options:
        """Go on to the next way of showing metrics."""
        return replace(self, mode=MODES[(MODES.index(self.mode) + 1) % len(MODES)])

    def at_next_cutoff(self, cutoffs: Sequence[int], main: int) -> Options:
        """Go on to the metrics at the next K, after the largest to those at all of them.

        A table that is sorted by a metric stays so, by the metric at that K.
        """
        turn = [*cutoffs, 0]
        now = self.cutoff if self.cutoff in turn else main
        following = turn[(turn.index(now) + 1) % len(turn)]
        sort = self.sort
        if sort and following and "@" in sort[0]:
            sort = (f"{sort[0].partition('@')[0]}@{following}", sort[1])
        return replace(self, cutoff=None if following == main else following, sort=sort)

    def marking(self, run_ids: Iterable[str]) -> Options:
        """Mark the runs, or take the marks off when all have one."""
        ids = frozenset(run_ids)
        marked = self.marked - ids if ids <= self.marked else self.marked | ids
        return replace(self, marked=marked)

    def remarks(self) -> list[str]:
        """Say in a word each what was chosen that leaves out or changes rows and columns."""
        found = [f"filter: {plain(self.filter_text)}"] if self.filter_text else []
        for chosen, text in (
            (self.only_marked, "marked only"),
            (self.hide_failed, "failed hidden"),
            (self.cutoff, f"metrics at {self.cutoff}"),
            (self.cutoff == 0, "metrics at every K"),
            (not self.hide_unchanged, "constant columns shown"),
            (self.hidden, f"{counted(len(self.hidden), 'column')} off"),
            (self.fold_seeds, "mean ± sd"),
        ):
            found += [text] if chosen else []
        return found

    def plain(self) -> dict[str, Any]:
        """Return the choices as JSON has them."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else _listed(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Options:
        """Read what `plain` wrote; a value that makes no sense (any more) is left out."""
        default = cls()
        kept: dict[str, Any] = {}
        for field in fields(cls):
            value = _read(field.name, values.get(field.name))
            if value is not None and isinstance(value, _KINDS[field.name]):
                kept[field.name] = value
        return replace(default, **kept)


_KINDS: dict[str, type] = {
    "filter_text": str,
    "sort": tuple,
    "marked": frozenset,
    "only_marked": bool,
    "baseline": str,
    "mode": str,
    "hide_unchanged": bool,
    "hide_failed": bool,
    "cutoff": int,
    "fold_seeds": bool,
    "by_stage": bool,
    "hidden": frozenset,
    "order": tuple,
}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read(name: str, value: Any) -> Any:
    """Turn a JSON value into the field's type; None when it does not fit."""
    if name == "mode":
        return value if value in MODES else None
    if name == "sort":
        fits = isinstance(value, list) and len(value) == 2
        fits = fits and isinstance(value[0], str) and isinstance(value[1], bool)
        return tuple(value) if fits else None
    if _KINDS[name] in (frozenset, tuple):
        fits = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        return _KINDS[name](value) if fits else None
    if name == "cutoff" and isinstance(value, bool):
        return None
    return value
