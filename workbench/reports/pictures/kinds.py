"""The kinds of pictures, and files of them as the command line names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError, shorten, unknown_name
from workbench.reports.pictures import cutoffs, drawing, forest, groups, reliability, tradeoff
from workbench.reports.pictures.subjects import Subject
from workbench.store.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg")


@dataclass(frozen=True)
class Kind:
    """A kind of picture: what it shows, what reads that, and what draws it."""

    shows: str
    read: Callable[[Sequence[Subject]], Any]
    draw: Callable[[Any], Figure]


KINDS: dict[str, Kind] = {
    "forest": Kind("Differences from the first run", forest.read_forest, forest.draw_forest),
    "reliability": Kind(
        "Predicted probabilities, and what became of them",
        reliability.read_reliability,
        reliability.draw_reliability,
    ),
    "recall": Kind("Recall against k", cutoffs.read_cutoffs, cutoffs.draw_cutoffs),
    "coverage": Kind("Coverage against ndcg", tradeoff.read_tradeoff, tradeoff.draw_tradeoff),
    "groups": Kind("Groups of items and users", groups.read_groups, groups.draw_groups),
}
DEFAULT = "forest"


@dataclass(frozen=True)
class Wanted:
    """A picture that was asked for."""

    kind: str
    path: Path


def parse_plots(texts: Sequence[str]) -> list[Wanted]:
    """Read ``KIND=FILE`` or ``FILE``, which is a forest, and check what can be known before.

    Raises
    ------
    InputError
        An unknown kind or ending, no folder to write to, a file twice, or no matplotlib.
    """
    wanted = [_parse(text) for text in texts]
    for place, each in enumerate(wanted):
        if each.path in [other.path for other in wanted[:place]]:
            raise InputError(f"--plot {each.path}: named twice", "give each picture its own file")
    if wanted and (trouble := drawing.problem()):
        raise trouble
    return wanted


def _parse(text: str) -> Wanted:
    kind, equals, name = text.partition("=")
    if not equals:
        kind, name = DEFAULT, text
    elif kind not in KINDS:
        raise unknown_name("kind of picture", kind, KINDS)
    path = Path(name)
    shown = f"--plot {shorten(text)}"
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{shown}: unknown ending", f"valid: {', '.join(ENDINGS)}")
    try:
        folder, place = path.is_dir(), path.parent.is_dir()
    except OSError as error:  # a name that is too long
        raise InputError(f"{shown}: {error.strerror}", "name another file") from None
    if folder:
        raise InputError(f"{shown}: this is a folder", "name a file in it")
    if not place:
        raise InputError(f"{shown}: there is no folder {path.parent}", "make it first")
    return Wanted(kind, path)


def write_plots(
    wanted: Sequence[Wanted], subjects: Sequence[Subject], metric: str = ""
) -> list[str]:
    """Draw all pictures, then write them: where one cannot be drawn, none is written.

    Parameters
    ----------
    metric
        Of a forest; empty: the most telling one.

    Returns
    -------
    What to say of each: which names it leaves out, and why.

    Raises
    ------
    InputError
        Nothing to draw, or a place that cannot be written.
    """
    drawn, said = [], []
    for each in wanted:
        shown: Any
        if each.kind == "forest":
            shown = forest.read_forest(subjects, metric)
        else:
            shown = KINDS[each.kind].read(subjects)
        with drawing.style():
            figure = KINDS[each.kind].draw(shown)
            drawn.append(drawing.to_bytes(figure, each.path.suffix.lower().lstrip(".")))
        said += [f"{each.path}: without {_told(shown.left_out)}"] if shown.left_out else []
    for each, content in zip(wanted, drawn, strict=True):
        with replacing(each.path) as partial:
            partial.write_bytes(content)
    return said


def _told(left_out: Mapping[str, str]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, why in left_out.items():
        reasons.setdefault(why, []).append(name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
