"""How many users gain, and how much: a histogram with 0 in its middle."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from recsys_core.evaluation.names import higher_is_better
from workbench.store.text import plain
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell
from workbench.tui.view.users import fit

#: lines of the columns, and the steps of a line
_HEIGHT, _STEPS = 3, 8
_BLOCKS = " ▁▂▃▄▅▆▇█"
#: the end of a column that is longer than the room
_CUT = "↑"
#: what counts as the same: sums of fractions in another order
_SAME = 1e-12
#: users from which on arrays are faster than a loop, and are so with the import of NumPy included
_MANY, _MOST_LOOPED = 2_000, 50_000
#: columns at least and at most; odd, so that 0 has one of its own
_LEAST, _MOST = 15, 61


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of users by size.

    Parameters
    ----------
    counts
        Users by gain, from ``-limit`` to ``limit``; the middle one counts gains of 0.
    less, same, more
        Users whose gain is below, at and above 0.
    """

    counts: tuple[int, ...]
    limit: float
    less: int
    same: int
    more: int


def count_gains(gains: Sequence[float], users: Sequence[int], columns: int) -> Gains | None:
    """Count the gains of some users; None where none has one.

    Examples
    --------
    >>> count_gains([0.0, -1.0, 0.5, 0.4, float("nan")], range(5), 5)
    Gains(counts=(1, 0, 1, 2, 0), limit=1.0, less=1, same=1, more=2)
    """
    side = columns // 2
    if len(users) > (_MANY if "numpy" in sys.modules else _MOST_LOOPED):
        return _count_many(gains, users, side)
    found = [gain for user in users if not math.isnan(gain := gains[user])]
    if not found:
        return None
    limit = max(map(abs, found))
    counts = [0] * (2 * side + 1)
    less = same = more = 0
    for gain in found:
        if abs(gain) <= _SAME:
            same += 1
            place = 0
        else:
            place = max(1, math.ceil(abs(gain) / limit * side))
            place = place if gain > 0 else -place
            less, more = less + (gain < 0), more + (gain > 0)
        counts[side + place] += 1
    return Gains(tuple(counts), limit, less, same, more)


def _count_many(gains: Sequence[float], users: Sequence[int], side: int) -> Gains | None:
    """Count as `count_gains` does; of 100,000 users a loop takes a tenth of a second."""
    import numpy as np

    every = np.asarray(gains, dtype=np.float64)
    chosen = slice(users.start, users.stop, users.step) if isinstance(users, range) else users
    found = every[chosen]
    found = found[~np.isnan(found)]
    if not len(found):
        return None
    sizes = np.abs(found)
    limit = float(sizes.max())
    is_same = sizes <= _SAME
    places = np.maximum(1, np.ceil(sizes / (limit or 1.0) * side)) * np.sign(found)
    places[is_same] = 0
    counts = np.bincount(places.astype(np.intp) + side, minlength=2 * side + 1)
    same, less = int(is_same.sum()), int((places < 0).sum())
    return Gains(tuple(counts.tolist()), limit, less, same, len(found) - same - less)


def gain_columns(width: int) -> int:
    """Choose how many columns there are on so many cells."""
    return max(_LEAST, min(_MOST, width)) // 2 * 2 - 1


def gain_section(gains: Gains, metric: str, labels: tuple[str, str], width: int) -> Section:
    """Draw the histogram: users who lose at the left, who gain at the right.

    The column of gains of 0 may be far higher than the others: it is cut, with an arrow at its end,
    and its number stands below.
    """
    up, down = ("better", "worse") if higher_is_better(metric) else ("worse", "better")
    side = len(gains.counts) // 2
    highest = max(1, *gains.counts[:side], *gains.counts[side + 1 :])
    cut = gains.counts[side] > highest
    lines: list[tuple[Cell, ...]] = []
    for line in range(_HEIGHT - 1, -1, -1):
        text = "".join(_block(count / highest, line) for count in gains.counts)
        at_end = cut and line == _HEIGHT - 1
        middle = Cell(_CUT, "accent") if at_end else Cell(text[side], "muted")
        lines.append((Cell(text[:side], down), middle, Cell(text[side + 1 :], up)))
    left, right = f"{-gains.limit:.2f}", f"{gains.limit:+.2f}"
    axis = f"{left:<{side}}0{right:>{side}}"
    lines.append((Cell(axis, "muted"),))
    share = 100 / max(1, gains.less + gains.same + gains.more)
    shares = (
        Cell(f"▼ {gains.less * share:.0f}%", down),
        Cell(f"  = {gains.same * share:.0f}%  ", "muted"),
        Cell(f"▲ {gains.more * share:.0f}%", up),
    )
    said = " of the users"
    if cut:
        room = width - sum(len(cell.text) for cell in shares)
        notes = (f"{said}, {_CUT} is cut", f"{said}, {_CUT} cut", f", {_CUT} cut")
        said = next((note for note in notes if len(note) <= room), "")
    lines += [(*shares, Cell(said, "muted")), ()]
    first, second = (plain(label) for label in labels)
    return Section(fit(f"gain of {second} over {first}", width).rstrip(), tuple(lines))


def _block(share: float, line: int) -> str:
    """Draw a line of a column; what is there at all is seen."""
    steps = math.ceil(share * _HEIGHT * _STEPS) - line * _STEPS
    return _BLOCKS[max(0, min(_STEPS, steps))]
