"""Draw the pictures of the models anew: ``make pictures``. What is drawn stands in pictures.txt.

A picture is a card with its own background, so that it can be read on a light and on a dark page.
Its boxes differ in shape and line, too, not only in colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
#: pixels per unit of a place, of a character, of a line
_X, _Y, _CHARACTER, _LINE = 150, 62, 6.9, 16
_MARGIN = 22
_CARD, _LINES = "#f6f8fa", "#424a53"
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    f' orient="auto"><path d="M0 0L8 4L0 8z" fill="{_LINES}"/></marker></defs>'
)
#: kind of a box -> fill, stroke, width of the line, corner
KINDS = {
    "in": ("#ffffff", "#57606a", 1.2, 3),  # what is given
    "op": ("#fff3d6", "#9a6700", 1.2, 14),  # what is computed
    "learned": ("#dbe7ff", "#1f4f9e", 2.4, 3),  # what is learned
    "out": ("#d9f2e3", "#1a7f4b", 2.4, 14),  # what comes out
}


@dataclass(frozen=True)
class Box:
    """A box: where its middle is, in units, its kind and its lines of text."""

    x: float
    y: float
    kind: str
    lines: tuple[str, ...]

    @property
    def half(self) -> tuple[float, float]:
        """Half of its width and height."""
        width = max(max(map(len, self.lines)) * _CHARACTER + 18, 44)
        return width / 2, len(self.lines) * _LINE / 2 + 7

    @property
    def middle(self) -> tuple[float, float]:
        """Where it is, in pixels."""
        return self.x * _X, self.y * _Y


@dataclass(frozen=True)
class Arrow:
    """An arrow between two boxes, perhaps with a word."""

    start: str
    end: str
    word: str


@dataclass
class Picture:
    """Boxes by name, arrows, and what the picture shows in a sentence."""

    alt: str
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)


def read_pictures(text: str) -> dict[str, Picture]:
    """Read the file of pictures.

    ``# NAME: sentence`` begins a picture, ``name x,y kind text|second line`` is a box, and
    ``a > b: word`` an arrow.
    """
    pictures: dict[str, Picture] = {}
    current = Picture("")
    for line in text.splitlines():
        if line.startswith("# "):
            name, _, alt = line[2:].partition(": ")
            current = pictures[name] = Picture(alt)
        elif " > " in line:
            ends, _, word = line.partition(": ")
            start, end = ends.split(" > ")
            current.arrows.append(Arrow(start.strip(), end.strip(), word.strip()))
        elif line.strip():
            box, place, kind, words = line.split(maxsplit=3)
            x, y = place.split(",")
            current.boxes[box] = Box(float(x), float(y), kind, tuple(words.split("|")))
    return pictures


def draw(picture: Picture) -> str:
    """Write a picture as SVG."""
    boxes = picture.boxes.values()
    edges = [(*box.middle, *box.half) for box in boxes]
    left = min(x - w for x, _, w, _ in edges) - _MARGIN
    top = min(y - h for _, y, _, h in edges) - _MARGIN
    width = max(x + w for x, _, w, _ in edges) + _MARGIN - left
    height = max(y + h for _, y, _, h in edges) + _MARGIN - top
    body = [*(_arrow(picture, arrow) for arrow in picture.arrows), *map(_box, boxes)]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
                f' viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" role="img"'
                ' font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">'
            ),
            f"<title>{escape(picture.alt)}</title>",
            _TIP,
            (
                f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}"'
                f' rx="8" fill="{_CARD}" stroke="#d0d7de"/>'
            ),
            *body,
            "</svg>\n",
        ]
    )


def _box(box: Box) -> str:
    (x, y), (w, h) = box.middle, box.half
    fill, stroke, line, corner = KINDS[box.kind]
    shape = (
        f'<rect x="{x - w:.1f}" y="{y - h:.1f}" width="{2 * w:.1f}" height="{2 * h:.1f}"'
        f' rx="{corner}" fill="{fill}" stroke="{stroke}" stroke-width="{line}"/>'
    )
    return "\n".join([shape, *_text(x, y, box.lines)])


def _text(x: float, y: float, lines: tuple[str, ...]) -> Iterator[str]:
    first = y - (len(lines) - 1) * _LINE / 2 + 4
    for place, line in enumerate(lines):
        yield (
            f'<text x="{x:.1f}" y="{first + place * _LINE:.1f}" text-anchor="middle"'
            f' fill="#1f2328">{escape(line)}</text>'
        )


def _arrow(picture: Picture, arrow: Arrow) -> str:
    start, end = picture.boxes[arrow.start], picture.boxes[arrow.end]
    (x1, y1), (x2, y2) = _border(start, end), _border(end, start)
    line = (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_LINES}"'
        ' stroke-width="1.4" marker-end="url(#tip)"/>'
    )
    if not arrow.word:
        return line
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    wide = len(arrow.word) * _CHARACTER + 6
    back = (
        f'<rect x="{x - wide / 2:.1f}" y="{y - 9:.1f}" width="{wide:.1f}" height="17"'
        f' fill="{_CARD}"/>'
    )
    return "\n".join([line, back, *_text(x, y, (arrow.word,))])


def _border(box: Box, other: Box) -> tuple[float, float]:
    """Find where the line between two middles crosses the border of the first."""
    (x, y), (w, h) = box.middle, box.half
    dx, dy = other.middle[0] - x, other.middle[1] - y
    share = min(w / abs(dx) if dx else 9, h / abs(dy) if dy else 9)
    return x + dx * share, y + dy * share


def main() -> None:
    """Draw all pictures."""
    for name, picture in read_pictures((HERE / "pictures.txt").read_text(encoding="utf-8")).items():
        (HERE / "pictures" / f"{name}.svg").write_text(draw(picture), encoding="utf-8")


if __name__ == "__main__":
    main()
