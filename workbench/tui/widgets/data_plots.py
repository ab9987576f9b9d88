"""Four plots of a data set, two beside two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from workbench.tui.view.data_plots import (
    length_section,
    popularity_plot,
    rating_section,
    time_plot,
)
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.sections import SectionView


class DataPlots(Container):
    """Ratings, popularity of items, length of histories, ratings over time."""

    def __init__(self) -> None:
        super().__init__(id="plots")
        self._about: Mapping[str, Any] | None = None

    def compose(self) -> ComposeResult:
        """Make the four, and a word in their place."""
        yield SectionView(id="ratings")
        yield LineChart(id="popularity")
        yield SectionView(id="lengths")
        yield LineChart(id="times")
        yield Static(id="no-plots", markup=False)

    def show(self, about: Mapping[str, Any] | None, instead: str) -> None:
        """Draw what `data describe` says; without that say something instead."""
        self._about = about
        self.set_class(about is None, "-empty")
        self.query_one("#no-plots", Static).update(instead)
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the bars."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        about = self._about
        if about is None or not self.size:  # not laid out yet: a resize follows
            return
        width, height = max(20, self.size.width // 2 - 3), max(3, self.size.height // 2 - 1)
        self.query_one("#ratings", SectionView).show(rating_section(about, width, height))
        self.query_one("#lengths", SectionView).show(length_section(about, width, height))
        self.query_one("#popularity", LineChart).show(*popularity_plot(about))
        self.query_one("#times", LineChart).show(*time_plot(about))
