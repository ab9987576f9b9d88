"""Facts, protocols with what they leak, and feature schemas: parts of the screen Data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.store.text import plain
from workbench.tui.view.data import DataSet, facts_section
from workbench.tui.view.data_parts import (
    OWN_SCHEMA,
    feature_table,
    protocol_section,
    protocol_table,
)
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.sections import SectionView


class Facts(VerticalScroll):
    """What is known of a data set."""

    BINDINGS: ClassVar = [
        Binding("j", "scroll_down", "down", show=False),
        Binding("k", "scroll_up", "up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="facts")
        self._shown: tuple[DataSet, Mapping[str, Any] | None, int] | None = None

    def compose(self) -> ComposeResult:
        """Make the text."""
        yield SectionView(id="about")

    def show(self, each: DataSet, about: Mapping[str, Any] | None, runs: int) -> None:
        """Draw what `data list` and, once it is there, `data describe` say."""
        self._shown = each, about, runs
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Break the lines anew."""
        self._draw()

    def _draw(self) -> None:
        if self._shown is not None:
            width = max(16, self.size.width - 3)
            self.query_one(SectionView).show(facts_section(*self._shown, width))


class Protocols(Vertical):
    """The protocols; the one under the cursor in full."""

    def __init__(self) -> None:
        super().__init__(id="protocols")
        self._protocols: Mapping[str, Mapping[str, Any]] = {}
        self._timed = self._parted = True

    def compose(self) -> ComposeResult:
        """Make the list and the words on one."""
        yield Static("Protocols", classes="part-title title", markup=False)
        yield Grid(sortable=False)
        yield SectionView()
        yield Static(classes="instead", markup=False)

    @property
    def grid(self) -> Grid:
        """The list."""
        return self.query_one(Grid)

    @property
    def protocol(self) -> str:
        """The protocol under the cursor."""
        return self.grid.cursor_key or _DEFAULT

    def open(self, protocols: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the protocols."""
        self._protocols = protocols
        self.add_class("-known")

    def show(self, *, timed: bool, parted: bool) -> None:
        """Draw the list for a set with times, and the parts of a split, or without."""
        self._timed, self._parted = timed, parted
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the columns."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if self._protocols:
            width = self.grid.size.width
            has = {"timed": self._timed, "parted": self._parted}
            self.grid.show(protocol_table(self._protocols, width, **has))
            self.describe()

    def describe(self) -> None:
        """Draw the protocol under the cursor."""
        about = self._protocols.get(self.protocol)
        if about is not None:
            width = max(20, self.size.width - 4)
            section = protocol_section(self.protocol, about, self._timed, width)
            self.query_one(SectionView).show(section)


class Features(Vertical):
    """The features of one schema; measured ones with what was measured."""

    def __init__(self) -> None:
        super().__init__(id="features")
        self._schemas: Mapping[str, Mapping[str, Any]] = {}
        self._place = 0
        #: (fingerprint, schema, protocol) -> what `data describe --features` says
        self._measured: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._shown: tuple[DataSet, str] | None = None

    def compose(self) -> ComposeResult:
        """Make the title, the table, and a word on how to read it."""
        yield Static("Features", classes="part-title title", markup=False)
        yield Static(id="schema", markup=False)
        yield Grid(sortable=False)
        yield Static(classes="instead", markup=False)

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def names(self) -> list[str]:
        """The schemas: packaged ones, then the one made from the set's own attributes."""
        return [*self._schemas, OWN_SCHEMA] if self._schemas else []

    @property
    def schema(self) -> str:
        """The schema in sight."""
        return self.names[self._place % len(self.names)] if self.names else ""

    def open(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the packaged schemas; that of MovieLens comes first."""
        self.add_class("-known")
        self._schemas = dict(sorted(schemas.items(), key=lambda pair: pair[0] != _FIRST))

    def turn(self, by: int) -> None:
        """Go to another schema."""
        self._place += by

    def keep(self, each: DataSet, schema: str, protocol: str, facts: Mapping[str, Any]) -> None:
        """Take what was measured."""
        self._measured[each.fingerprint or "", schema, protocol] = facts

    def show(self, each: DataSet, protocol: str) -> None:
        """Draw the schema in sight, with what was measured of it on a set and a protocol."""
        self._shown = each, protocol
        if self._schemas:
            self._draw(each, protocol)

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the columns."""
        if self._shown is not None:
            self.call_after_refresh(self.show, *self._shown)

    def _draw(self, each: DataSet, protocol: str) -> None:
        name = self.schema
        measured = self._measured.get((each.fingerprint or "", name, protocol))
        known = measured or self._schemas.get(name)
        place = f"{self._place % len(self.names) + 1}/{len(self.names)}"
        about = f"{plain(known['title'])}" if known else _OWN
        self.query_one(".part-title", Static).update(f"Features of schema {plain(name)}  {place}")
        self.query_one("#schema", Static).update(
            Content.assemble(
                f"{about}\n", Content.styled(_state(each, protocol, measured), "$secondary")
            )
        )
        features = known["features"] if known else []
        self.grid.show(feature_table(features, measured is not None, self.grid.size.width))


def _state(each: DataSet, protocol: str, measured: Mapping[str, Any] | None) -> str:
    """Say what the numbers are of, or how to get some."""
    if measured is not None:
        suspects = [plain(one["name"]) for one in measured["features"] if one["suspicious"]]
        leak = (
            f"\n! {', '.join(suspects)}: almost perfect by itself, so it probably leaks the label"
        )
        rows = f"{measured['train']:,} train rows, {measured['valid']:,} validation rows"
        return f"{plain(each.name)}, {protocol}: {rows}{leak if suspects else ''}"
    if not each.here:
        return "missing values and the AUC of each can be measured once the set is here"
    return f"m measures missing values and the AUC of each on {plain(each.name)}, {protocol}"


_DEFAULT = "user-timeline"
_FIRST = "movielens"
_OWN = "Made from ids, attributes and histories of the data set itself; m lists it."
