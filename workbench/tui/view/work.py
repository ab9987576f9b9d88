"""Work that the screen Data started, and what went wrong with it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell
from workbench.tui.view.users import fit

#: cells of a bar at most
_BAR = 48


@dataclass(frozen=True, slots=True)
class Work:
    """What is under way: the last event of a process.

    Parameters
    ----------
    verb
        ``"fetching"``, ``"importing"`` or ``"measuring"``.
    step, total
        Bytes of a download; a total of None is not known (yet).
    """

    verb: str
    name: str
    started: float
    step: int = 0
    total: int | None = None
    rate: float | None = None
    eta: float | None = None
    message: str = ""

    @property
    def share(self) -> float | None:
        """How far it is, 0 to 1."""
        return self.step / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, and what to do about it."""

    title: str
    problem: str
    remedies: Sequence[str] = field(default=())


def work_section(work: Work, now: float, width: int) -> Section:
    """Say what is under way: how far, how fast, how long yet."""
    share = work.share
    passed = show.seconds(max(0.0, now - work.started))
    facts = [passed, "Esc cancels"]
    if work.step:
        size = show.size(work.step)
        facts.insert(0, f"{size} of {show.size(work.total)}" if work.total else size)
    if work.rate:
        facts.insert(1, f"{show.size(round(work.rate))}/s")
    if work.eta is not None:
        facts[-2] = f"{show.seconds(work.eta)} left"
    first: tuple[Cell, ...] = (Cell(fit(plain(work.message), width), "muted"),)
    if share is not None:
        bar = show.bar(share, max(8, min(_BAR, width - 6)))
        first = (Cell(bar, "running"), Cell(f" {share:>4.0%}"))
    text = "   ".join(facts)
    return Section(f"▸ {work.verb} {plain(work.name)}", (first, (Cell(text, "muted"),)))


def trouble_section(trouble: Trouble, width: int) -> Section:
    """Say what went wrong, and what helps."""
    lines: list[tuple[Cell, ...]] = []
    for part in trouble.problem.split("; "):
        lines += [
            (Cell(line),)
            for line in textwrap.wrap(plain(part), max(16, width), break_on_hyphens=False)
        ]
    for remedy in trouble.remedies:
        wrapped = textwrap.wrap(f"→ {plain(remedy)}", max(16, width), subsequent_indent="  ")
        lines += [(Cell(line, "accent"),) for line in wrapped]
    return Section(f"✖ {plain(trouble.title)}", tuple(lines))
