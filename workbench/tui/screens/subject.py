"""What the screens Users and Items share: a data set, and the runs on it that both show."""

from __future__ import annotations

from collections.abc import Sequence

from recsys_core.errors import InputError
from workbench.store.listing import RunSummary
from workbench.store.text import plain_lines
from workbench.store.users import Browse
from workbench.tui.screens.divided import DividedScreen, Line
from workbench.tui.view.choices import Choice
from workbench.tui.view.subject import choose, dataset_names
from workbench.tui.view.users import has_users


def line_right_of(part: str) -> Line:
    """Put a line at the right of a list."""
    return Line(part, "right", least=24, beside=60)


class SubjectScreen(DividedScreen):
    """Is about a data set; its runs are one choice of both screens, and last until another."""

    def __init__(self) -> None:
        super().__init__()
        self._dataset = ""
        self._browse: Browse | None = None
        #: what has been told already
        self._told: set[str] = set()
        #: runs whose results of users turned out to be damaged
        self._damaged: set[str] = set()
        #: runs that there are to choose from
        self._available: list[RunSummary] = []
        self._choice = Choice()
        self._ended: set[str] = set()

    @property
    def browse(self) -> Browse:
        """The data set."""
        assert self._browse is not None
        return self._browse

    @property
    def chosen(self) -> list[RunSummary]:
        """The runs that are shown, in order."""
        known = {run.run_id: run for run in self._available}
        return [known[run_id] for run_id in self._choice.runs]

    def names(self) -> list[str]:
        """List the data sets that there are."""
        return dataset_names(self.workbench.runs, self.workbench.data_dir)

    def others_ended(self) -> bool:
        """Tell whether other runs have a result than a moment ago: results are opened to choose."""
        ended = {run.run_id for run in self.workbench.runs if run.state == "succeeded"}
        before, self._ended = self._ended, ended
        return before != ended

    def take_choice(self) -> bool:
        """Take up what was chosen, here or elsewhere; tell whether it is another choice."""
        lists, before = self.workbench.state.lists, (self._choice, self._available)
        self._available, self._choice = choose(
            self.workbench.runs,
            self._dataset,
            self._same_data,
            lists.get(self._dataset, Choice()),
            self.workbench.state.options,
        )
        if self._choice.runs:
            lists[self._dataset] = self._choice
        return before != (self._choice, self._available)

    def _same_data(self, run: RunSummary) -> bool:
        try:
            return run.run_id not in self._damaged and has_users(run, self.browse.fingerprint)
        except InputError as error:  # damaged: said once, and the others are shown
            self.tell_damage(error)
            return False

    def tell_damage(self, error: InputError) -> None:
        """Say what is wrong with a file, once."""
        message = plain_lines(str(error))
        if message not in self._told:
            self._told.add(message)
            self.notify(message, severity="warning", markup=False)

    def ask_runs(self) -> None:
        """Ask which runs are shown."""
        from workbench.tui.screens.users_runs import ChooseRuns

        def take(chosen: Sequence[str] | None) -> None:
            if chosen:
                self.take_runs(chosen)

        self.app.push_screen(ChooseRuns(self._available, self._choice.runs), take)

    def take_runs(self, chosen: Sequence[str]) -> None:
        """Show the runs that a person named."""
        of = self._choice.of
        self.workbench.state.lists[self._dataset] = Choice(tuple(chosen), of, asked=True)
        self.runs_changed()

    def runs_changed(self) -> None:
        """Show other runs."""
        raise NotImplementedError

    # The line between the list and what is beside it

    @property
    def left_width(self) -> int:
        """Cells that the list has where something stands beside it."""
        return self.cells(self.LINES[0])

    def stands(self, line: Line) -> bool:
        """Tell whether something stands beside the list."""
        return self.has_class("-wide") and not self.zoomed
