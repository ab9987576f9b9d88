"""Paints what can be seen, and of that what has changed.

Textual has every widget draw all of its lines, those behind others too (a container behind its
parts), and of each line that changed the whole width; then it throws away what lies behind.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import cast

from textual import _styles_cache
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip

from workbench.tui.widgets.grid_cells import together

#: line, first column, column after the last
_Span = tuple[int, int, int]


class SparingCompositor(Compositor):
    """Has a widget draw the lines on which a piece is still missing, front to back."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Draw the pieces that have changed."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        if not regions:
            return None
        spans = list(self._regions_to_spans(regions))
        return ChopsUpdate(self._pieces(spans), spans, [line[1:] for line in self.cuts])

    def _render_chops(
        self, crop: Region, is_rendered_line: Callable[[int], bool]
    ) -> Sequence[Mapping[int, Strip]]:
        lines = filter(is_rendered_line, range(self.size.height))
        pieces = self._pieces((y, 0, self.size.width) for y in lines)
        return cast("Sequence[Mapping[int, Strip]]", pieces)  # by the screen, which is behind all

    def _pieces(self, spans: Iterable[_Span]) -> list[dict[int, Strip | None]]:
        """Draw spans of lines: for each line by column what begins there; None is not asked for."""
        cuts = self.cuts
        pieces: list[dict[int, Strip | None]] = [dict.fromkeys(line[:-1]) for line in cuts]
        missing: dict[int, set[int]] = {}
        for y, left, right in spans:
            asked = (start for start, end in pairwise(cuts[y]) if start < right and end > left)
            missing.setdefault(y, set()).update(asked)
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            left, right = seen.column_span
            lines = [
                y
                for y in seen.line_range
                if any(left <= start < right for start in missing.get(y, ()))
            ]
            for top, height in together(lines):
                crop = Region(left - region.x, top - region.y, seen.width, height)
                for y, strip in enumerate(widget.render_lines(crop), top):
                    line = cuts[y]
                    places = line[bisect_left(line, left) : bisect_right(line, right)]
                    parts = strip.divide([place - left for place in places[1:]])
                    for start, part in zip(places, parts, strict=False):
                        if start in missing[y]:
                            pieces[y][start] = part
                            missing[y].remove(start)
        return pieces


def forget_colours() -> None:
    """Free what removed widgets drew: Textual's memo of colours holds on to the last 1,024."""
    with suppress(AttributeError):
        _styles_cache.StylesCache.get_inner_outer.cache_clear()
