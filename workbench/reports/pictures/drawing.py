"""matplotlib, in one style: black shapes first, colours only beside them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError
from workbench.reports.pictures.subjects import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: width of a column of a paper, in inches
COLUMN = 3.4
#: inches of a line of text
LINE = 0.17
INSTALL = "pip install 'recsys-workbench[plots]'"
#: CSS pixels of a column in a page
_PIXELS = 460

#: told apart without colours: twelve shapes, every second one hollow, and four kinds of dashes
_MARKERS = "osD^v<>pPX*h"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
#: Okabe and Ito's colours for all kinds of sight, without the light ones
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#007a5a", "#8f4a77", "#5c5c5c")
#: part of what matplotlib says of a character that no font has
_NO_GLYPH = "missing from font"
GREY, PALE = "0.45", "0.92"

#: fonts with characters that DejaVu has not; those that are installed are used for these
_WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)


def problem() -> InputError | None:
    """Say what is in the way of drawing; None: nothing."""
    try:
        import matplotlib as mpl  # noqa: F401 - what is missing is told by the first import
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        gone = isinstance(error, ModuleNotFoundError) and error.name == "matplotlib"
        why = "is not installed" if gone else f"cannot be imported: {error}"
        return InputError(f"pictures need the package matplotlib, which {why}", INSTALL)
    return None


@contextmanager
def style(*, text: bool = False) -> Iterator[None]:
    """Draw in the one style inside the block, whatever the user's own settings are.

    Parameters
    ----------
    text
        Let text stay text in an SVG, as for a page; else it becomes shapes, the same everywhere.
    """
    import matplotlib.style

    ours = resources.files("workbench.reports.pictures").joinpath("pictures.mplstyle")
    changes = {"svg.fonttype": "none"} if text else {}
    with resources.as_file(ours) as path:
        used = ["default", path, {"font.family": ["DejaVu Sans", *_installed()], **changes}]
        with matplotlib.style.context(used), warnings.catch_warnings():
            # where it matters, `to_bytes` says so; to measure a text warns of it, too
            warnings.filterwarnings("ignore", f".*{_NO_GLYPH}")
            yield


def _installed() -> list[str]:
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    return [name for name in _WIDE_FONTS if name in known][:1]


def new_figure(height: float) -> Figure:
    """Make an empty figure as wide as a column; call it inside `style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(COLUMN, height))


def look(position: int) -> dict[str, Any]:
    """Give the line at a position its marker, dashes and colour; no two of 24 are alike."""
    colour = _COLOURS[position % len(_COLOURS)]
    turn = position // len(_MARKERS)
    hollow = (position + turn) % 2 == 1
    return {
        "marker": _MARKERS[position % len(_MARKERS)],
        "linestyle": _DASHES[position % len(_DASHES)],
        "color": colour,
        "markerfacecolor": "white" if hollow else colour,
        "markeredgecolor": colour,
    }


def row_labels(axes: Axes, names: Sequence[str]) -> None:
    """Write a name at each row, the first at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def whiskers(
    axes: Axes, xs: Sequence[float], intervals: Sequence[Interval | None], colour: str
) -> None:
    """Draw upright intervals."""
    for x, interval in zip(xs, intervals, strict=True):
        if interval is not None:
            axes.plot((x, x), interval, color=colour, linewidth=0.7, marker="_", markersize=3)


def legend(figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int) -> None:
    """Write a legend below all axes; also names that matplotlib would hide, as ``_x``."""
    drawn = figure.legend(
        handles,
        ["x" * len(name) for name in names],
        loc="outside lower center",
        ncols=columns,
        handlelength=1,
    )
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_text(name)


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Move places so that neighbours are at least `gap` apart, each as little as it takes.

    Examples
    --------
    >>> apart([0.0, 0.1, 1.0], 0.5)
    [-0.2, 0.3, 1.0]
    """
    clusters: list[list[int]] = []
    order = sorted(range(len(values)), key=lambda place: (values[place], place))

    def start(cluster: Sequence[int]) -> float:
        middle = sum(values[place] for place in cluster) / len(cluster)
        return middle - gap * (len(cluster) - 1) / 2

    for place in order:
        clusters.append([place])
        while len(clusters) > 1 and (
            start(clusters[-2]) + gap * len(clusters[-2]) > start(clusters[-1])
        ):
            above = clusters.pop()
            clusters[-1] += above
    moved = [0.0] * len(values)
    for cluster in clusters:
        for step, place in enumerate(cluster):
            moved[place] = round(start(cluster) + step * gap, 12)
    return moved


def to_bytes(figure: Figure, ending: str, *, shapes: bool = True) -> bytes:
    """Write a figure as ``png`` or ``svg``: the same figure gives the same bytes.

    Parameters
    ----------
    shapes
        Whether text becomes shapes; where it stays text, who reads it has the fonts.

    Raises
    ------
    InputError
        A character of a label is in no font that is installed, and would become a box.
    """
    metadata: dict[str, Any] = {"Software": "recsys-workbench"}
    if ending == "svg":
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    content = io.BytesIO()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure.savefig(content, format=ending, metadata=metadata)
    for each in said:
        if shapes and _NO_GLYPH in str(each.message):
            raise InputError(
                f"a label has a character that no font here can draw: {each.message}",
                "install a font that has it, for example fonts-noto-cjk",
            )
    return content.getvalue()


def to_inline(figure: Figure, title: str) -> str:
    """Write a figure as an element of a page that is `title` to those who do not see it."""
    from markupsafe import escape

    svg = to_bytes(figure, "svg", shapes=False).decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", svg, count=5)
    scale = figure.get_figwidth() / COLUMN
    head = f'<svg role="img" aria-label="{escape(title)}" width="{_PIXELS * scale:.0f}"'
    return svg.replace("<svg", head, 1)
