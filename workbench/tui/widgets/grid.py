"""A table that draws only the lines in sight, so its cost does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.strip import Strip

from workbench.tui.commands import bindings
from workbench.tui.view.table import Head, Row, Table, gap
from workbench.tui.widgets.focus import FocusedByLine
from workbench.tui.widgets.grid_cells import fit, joined, together, with_hints

#: what a line is drawn from
_Look = tuple[object, ...]
_QUIET = ("muted", "faint")
_STYLES = (
    *("strong", "muted", "faint", "accent", "good", "bad", "running"),
    *("best", "better", "worse", "head", "head-cursor", "cursor", "cursor-away"),
)


class Grid(FocusedByLine, inherit_bindings=False):
    """Rows of cells under one header line, with a cursor row and a cursor column.

    `show` replaces what is drawn; the cursor stays on its row's key, and on its column's once
    the person has moved it: where that column is gone it waits at the first, until it is back.
    Columns that do not fit are reached with the column cursor, the first `Table.fixed` ones always
    stay.
    """

    BINDINGS: ClassVar = bindings("table")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"grid--{name}" for name in _STYLES}
    can_focus = True

    #: more rows or fewer lay nothing out anew, unless the scrollbar comes or goes
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), repaint=False)
    cursor_row: reactive[int] = reactive(0, init=False, repaint=False)
    cursor_column: reactive[int] = reactive(0, init=False, repaint=False)

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or its row has changed."""

        grid: Grid
        key: str | None

        @property
        def control(self) -> Grid:
            """The table, for ``@on`` with a selector."""
            return self.grid

    @dataclass
    class ColumnMoved(Message):
        """The cursor is on another column."""

        grid: Grid
        column: str

        @property
        def control(self) -> Grid:
            """The table, for ``@on`` with a selector."""
            return self.grid

    @dataclass
    class Opened(Message):
        """The row under the cursor was clicked again."""

        key: str

    @dataclass
    class Sorted(Message):
        """A column is to be sorted by."""

        column: str
        descending: bool

    def __init__(self, *, id: str | None = None, sortable: bool = True) -> None:  # noqa: A002
        super().__init__(id=id)
        self._sortable = sortable
        self.table = Table()
        self._first = 0
        #: key of the column that the person went to
        self._column_chosen: str | None = None
        #: what each line was drawn from, so that only lines that change are drawn anew
        self._drawn: dict[int, _Look] = {}
        #: what the lines of one paint share
        self._shown: list[int] = []
        #: the header as it was painted last
        self._heads_drawn: tuple[tuple[Head, ...], list[int]] = ((), [])
        self._base = self._cursor = Style.null()
        self._styles: dict[tuple[str, Style], Style] = {}

    @property
    def _width(self) -> int:
        """Cells of a line: what the scrollbar leaves of the size."""
        return self.scrollable_content_region.width

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None in an empty table."""
        keys = self.table.keys
        return keys[self.cursor_row] or None if self.cursor_row < len(keys) else None

    def show(self, table: Table) -> None:
        """Draw `table`; the cursor follows its row and its column, and stays in sight if it is."""
        key, column, in_sight = self.cursor_key, self._column_chosen, self._in_sight
        if table.heads == self.table.heads:
            table = replace(table, heads=self.table.heads)  # the same object compares at once
        self.table = table
        keys = table.keys
        row = keys.index(key) if key and key in keys else self._nearest_row(self.cursor_row)
        columns = [head.key for head in table.heads]
        if column is not None and column in columns:
            self.cursor_column = columns.index(column)
        else:
            self.cursor_column = min(table.note_from, len(columns) - 1)
            self._first = table.fixed
        self._resize_content(self.size.width)
        self.set_reactive(Grid.cursor_row, row)
        if in_sight:
            self._scroll_to_cursor()
        self._keep_column_in_sight()
        self._tell(self.Moved(self, self.cursor_key))
        self._refresh_changed()

    def _tell(self, message: Message) -> None:
        """Tell who listens; what a widget has its child say is else told to nobody above it."""
        message.set_sender(self)
        self.post_message(message)

    def _resize_content(self, width: int) -> None:
        """Say how many lines there are; the scrollbar follows."""
        size = Size(width, len(self.table.keys) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
            self._scroll_update(size)

    def _refresh_changed(self, some: Iterable[int] | None = None) -> None:
        """Draw those lines anew, of all or of some, that no longer look as they were drawn."""
        width, self._shown = self._width, self._visible_columns()
        lines = range(self.size.height)
        within = lines if some is None else [y for y in some if y in lines]
        changed = [y for y in within if self._drawn.get(y) != self._look(y)]
        if changed:
            self.refresh(*(Region(0, y, width, lines) for y, lines in together(changed)))

    def _look(self, y: int) -> _Look:
        """Collect what a line is drawn from."""
        table, columns = self.table, (self._shown, self._first, self._width)
        if y == 0:
            return table.heads, columns, table.sort, self.cursor_column, self.has_focus
        index = round(self.scroll_offset.y) + y - 1
        row = table.rows[index] if index < len(table.rows) else None
        at_cursor = index == self.cursor_row
        return table.heads, columns, row, at_cursor, at_cursor and self.has_focus

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Show whether keys go here: the cursor's row is bright, or dim; no rule asks for it."""
        self._refresh_changed((0, self.cursor_row - round(self.scroll_offset.y) + 1))

    @property
    def column_key(self) -> str | None:
        """The key of the column under the cursor."""
        heads = self.table.heads
        return heads[self.cursor_column].key if self.cursor_column < len(heads) else None

    def _nearest_row(self, row: int, step: int = 1) -> int:
        """Find the row at or after `row` in the direction of `step` that is no heading."""
        keys = self.table.keys
        row = max(0, min(row, len(keys) - 1))
        for onward in (step, -step):
            place = row
            while 0 <= place < len(keys):
                if keys[place]:
                    return place
                place += onward
        return 0

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell that nothing works in an empty table, and that not every table can be sorted."""
        if action == "sort" and not self._sortable:
            return False
        return bool(self.table.keys)

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        if not self.table.keys:
            return "the table is empty"
        return "the order of this table is fixed" if action == "sort" else ""

    def action_move(self, rows: int) -> None:
        """Move the cursor by `rows`."""
        self.cursor_row = self._nearest_row(self.cursor_row + rows, 1 if rows > 0 else -1)

    def action_page(self, pages: int) -> None:
        """Move the cursor by a page."""
        self.action_move(pages * max(1, self.size.height - 2))

    def action_first(self) -> None:
        """Go to the first row."""
        self.cursor_row = self._nearest_row(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.action_move(len(self.table.rows))

    def action_column(self, columns: int) -> None:
        """Move the column cursor; it passes over the columns of glyphs."""
        first = max(0, self.table.fixed - 1)
        last = len(self.table.heads) - 1
        self.cursor_column = max(first, min(self.cursor_column + columns, last))
        self._column_chosen = self.column_key

    def go_to_column(self, key: str) -> None:
        """Put the cursor on a column, as soon as there is one with this key."""
        self._column_chosen = key
        keys = [head.key for head in self.table.heads]
        if key in keys:
            self.cursor_column = keys.index(key)

    def go_to_row(self, key: str) -> None:
        """Put the cursor on a row, if there is one with this key."""
        if key in self.table.keys:
            self.cursor_row = self.table.keys.index(key)

    def action_edge_column(self, side: int) -> None:
        """Go to the first or the last column."""
        self.action_column(side * len(self.table.heads))

    def action_sort(self, descending: bool) -> None:
        """Ask for the column under the cursor to be sorted by."""
        column = self.column_key
        if column is not None:
            self.post_message(self.Sorted(column, descending))

    def watch_cursor_row(self) -> None:
        """Bring the row into sight and tell who listens."""
        self._scroll_to_cursor()
        self._tell(self.Moved(self, self.cursor_key))
        self._refresh_changed()

    def watch_cursor_column(self) -> None:
        """Bring the column into sight and tell who listens."""
        self._keep_column_in_sight()
        self._tell(self.ColumnMoved(self, self.column_key or ""))
        self._refresh_changed()

    @property
    def _in_sight(self) -> bool:
        """Whether the cursor's row is seen: the wheel leaves it behind."""
        top = round(self.scroll_offset.y)
        return top <= self.cursor_row < top + self.size.height - 1

    def _scroll_to_cursor(self) -> None:
        top, height = round(self.scroll_offset.y), self.size.height - 1
        first = self._heading_above()
        if first < top:
            self.scroll_to(y=first, animate=False, immediate=True)
        elif self.cursor_row >= top + height:
            self.scroll_to(y=self.cursor_row - height + 1, animate=False, immediate=True)

    def _heading_above(self) -> int:
        """Return the cursor's row, or that of the heading right above it."""
        row = self.cursor_row
        return row - 1 if row and not self.table.keys[row - 1] else row

    def _keep_column_in_sight(self) -> None:
        if not self._width:  # not shown: what fits is seen when it is
            return
        fixed = self.table.fixed
        self._first = max(fixed, min(self._first, max(fixed, self.cursor_column)))
        while self._first < self.cursor_column > max(self._visible_columns(), default=fixed):
            self._first += 1
        # no room is left empty at the right while columns at the left are out of sight
        heads = self.table.heads
        while self._first > fixed and len(heads) - 1 in self._visible_columns(self._first - 1):
            self._first -= 1

    def _visible_columns(self, first: int | None = None) -> list[int]:
        """List the columns that fit, left to right; `first` is the first that scrolls."""
        heads, fixed = self.table.heads, self.table.fixed
        room = self._width - sum(head.width + gap(head) for head in heads[:fixed])
        shown = list(range(min(fixed, len(heads))))
        for index in range(max(self._first if first is None else first, fixed), len(heads)):
            room -= heads[index].width
            if room < 0:
                break
            shown.append(index)
            room -= gap(heads[index])
        return shown

    def on_resize(self, event: events.Resize) -> None:
        """Fit columns and cursor to the new size."""
        self._resize_content(event.size.width)
        self._keep_column_in_sight()
        self._scroll_to_cursor()

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Choose a row; a second click opens it. A click on a header sorts, again: turns."""
        if event.y == 0:
            self._sort_by_click(event.x)
            return
        row = round(self.scroll_offset.y) + event.y - 1
        if row >= len(self.table.rows) or not self.table.keys[row]:
            return
        if row == self.cursor_row and event.chain > 1:
            self.post_message(self.Opened(self.table.keys[row]))
        self.cursor_row = row

    def _sort_by_click(self, x: int) -> None:
        """Sort by the column that is drawn there: columns may be others by now."""
        heads, shown = self._heads_drawn
        x -= self.styles.padding.left
        ends = accumulate(heads[index].width + gap(heads[index]) for index in shown)
        head = next((heads[index] for index, end in zip(shown, ends, strict=True) if x < end), None)
        keys = [each.key for each in self.table.heads]
        if head is None or head.key not in keys:
            return
        self.cursor_column, self._column_chosen = keys.index(head.key), head.key
        sort = self.table.sort
        turned = sort is not None and sort[0] == head.key
        self.action_sort(not sort[1] if sort and turned else head.right)

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines; what they share is found out once."""
        self._base, self._styles = self.rich_style, {}
        self._shown = self._visible_columns()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line: the header, a row, or nothing."""
        width, base = self._width, self._base
        self._drawn[y] = self._look(y)
        if y == 0:
            return self._head_line(width, base)
        index = round(self.scroll_offset.y) + y - 1
        if index >= len(self.table.rows):
            return Strip.blank(width, base)
        if index == self.cursor_row:
            base = self._style("cursor" if self.has_focus else "cursor-away", base)
            self._cursor = base if self.has_focus else Style.null()
        return self._row_line(self.table.rows[index], width, base)

    def _head_line(self, width: int, base: Style) -> Strip:
        base = self._style("head", base)
        under_cursor = self._style("head-cursor", base)
        segments: list[Segment] = []
        shown = self._shown
        self._heads_drawn = self.table.heads, shown
        for index in shown:
            head = self.table.heads[index]
            title = head.title + (self._arrow(head) or " " * self._sortable)
            style = under_cursor if index == self.cursor_column and self.has_focus else base
            segments.append(Segment(fit(title, head.width, right=head.right), style))
            segments.append(Segment(" " * gap(head), base))
        line = Strip(segments).adjust_cell_length(width, base)
        more = len(self.table.heads) - 1 - max(shown, default=0)
        return with_hints(
            line, base, before=self._first > self.table.fixed and bool(shown), more=more
        )

    def _arrow(self, head: Head) -> str:
        sort = self.table.sort
        if sort is None or sort[0] != head.key or not head.title:
            return ""
        return "↓" if sort[1] else "↑"

    def _row_line(self, row: Row, width: int, base: Style) -> Strip:
        if not row.cells:
            assert row.note is not None
            text = fit(f"  {row.note.text}", width)
            return Strip([Segment(text, self._style(row.note.style, base))])
        parts: list[tuple[str, Style]] = []
        used = 0
        for index in self._shown:
            if row.note is not None and index >= self.table.note_from:
                room = max(0, width - used)
                parts.append((fit(row.note.text, room), self._style(row.note.style, base)))
                used += room
                break
            head, cell = self.table.heads[index], row.cells[index]
            text = fit(cell.text, head.width, right=head.right)
            parts += (text, self._style(cell.style, base)), (" " * gap(head), base)
            used += head.width + gap(head)
        return Strip(joined(parts), used).adjust_cell_length(width, base)

    def _style(self, name: str, base: Style) -> Style:
        if not name or base.reverse:  # every colour would be a patch behind its text
            return base
        style = self._styles.get((name, base))
        if style is None and name in _QUIET and base == self._cursor:
            style = self._styles[name, base] = base  # on its ground grey could not be read
        if style is None:
            style = base + self.get_component_rich_style(f"grid--{name}", partial=True)
            self._styles[name, base] = style
        return style
