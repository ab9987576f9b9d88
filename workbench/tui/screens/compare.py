"""Two to four runs side by side: metrics as a forest, users, groups, curves, what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.screens.compare_shown import CompareShown
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.sections import SectionView


class CompareScreen(CompareShown):
    """Rows of Results against one of them, with what keys do."""

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar = bindings("compare")

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Go to the user that was clicked twice."""
        self.action_open()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        seen = None if self._looking else self._seen
        if action == "open":
            return seen is not None and bool(seen.keys)
        if action == "metric":
            return seen is not None and len(seen.metrics) > 1
        if action == "other":
            return len(self._others()) > 1
        if action == "by":
            return self._groups is not None and len(self._groups.attributes) > 1
        if action == "export":
            return self._tested
        return True

    def awaits(self, action: str) -> str:
        """Say what a command needs and is still being read."""
        if action == "export":
            return "" if self._tested else "the tests are"
        if self._looking and action in ("open", "metric"):
            return "the users are"
        return "the groups are" if self._grouping and action == "by" else ""

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        if action == "other":
            return "there is only one run to hold against the reference"
        if action in ("open", "metric"):
            return "no users are listed"
        if action == "by":
            return "there are no groups"
        return ""

    def action_back(self) -> None:
        """Leave the users, then the page."""
        if self.grid.has_focus:
            self.set_focus(None)
        else:
            self.dismiss()

    def action_metric(self) -> None:
        """Show the users' gains in the next metric."""
        seen = self._seen
        if seen is not None and seen.metrics:
            place = seen.metrics.index(seen.metric) + 1
            self._metric = seen.metrics[place % len(seen.metrics)]
            self._look()

    def action_other(self, by: int) -> None:
        """Show the users' gains of the next run."""
        others = self._others()
        self._other = others[(others.index(self._other) + by) % len(others)]
        self._look()

    def action_by(self, by: int) -> None:
        """Divide users or items by the next attribute."""
        self._by += by
        self._read_groups()

    def action_open(self) -> None:
        """Go to the table of users; there, to the user under the cursor, with this pair of runs."""
        if not self.grid.has_focus:
            self.grid.focus()
            return
        seen, key = self._seen, self.grid.cursor_key
        if seen is not None and key is not None:
            order, changed = seen.keys[key]
            self.workbench.visit(
                "users",
                Errand(
                    seen.dataset,
                    question=f"{order}={seen.metric}",
                    user=changed.user.number,
                    runs=tuple(row.run.run_id for row in self._pair),
                ),
            )

    @property
    def _tested(self) -> bool:
        """Whether all tests of the page are made: a file has them all."""
        return not self._tests.missing(list(self._comparison.family))

    def action_export(self) -> None:
        """Ask for a file name and write all metrics."""
        from workbench.tui.screens.export import ExportScreen
        from workbench.tui.view.compare_export import exported

        comparison = self._comparison
        self.app.push_screen(ExportScreen(exported(comparison, comparison.tested(self._tests))))

    def action_copy(self) -> None:
        """Copy all sections as text."""
        sections = [view.section for view in self.query(SectionView) if view.display]
        self.app.copy_to_clipboard("\n\n".join(map(str, sections)) + "\n")
        self.notify("Copied the comparison.", markup=False)
