"""Choose the runs whose lists stand beside a history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.store.listing import RunSummary
from workbench.store.summary import marked
from workbench.store.text import plain
from workbench.tui.view.users import fit

#: cells of a label
_LABEL = 24


class ChooseRuns(ModalScreen[list[str] | None]):
    """A list of runs; it ends with the ids chosen, in the order in which they were chosen."""

    CSS_PATH = "users_runs.tcss"
    BINDINGS: ClassVar = [
        Binding("escape", "dismiss", "close", show=False),
        Binding("space", "switch", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, runs: Sequence[RunSummary], chosen: Sequence[str]) -> None:
        super().__init__()
        self._runs = list(runs)
        self._chosen = [run.run_id for run in runs if run.run_id in chosen]
        self._chosen.sort(key=list(chosen).index)

    def compose(self) -> ComposeResult:
        """Put the list into a frame."""
        with Vertical(id="choose") as frame:
            frame.border_title = "runs beside the history"
            frame.border_subtitle = "Space on/off  Enter takes  Esc leaves"
            yield OptionList(*(Option(self._line(run)) for run in self._runs), markup=False)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _line(self, run: RunSummary) -> str:
        chosen = self._chosen
        place = f"{chosen.index(run.run_id) + 1}" if run.run_id in chosen else " "
        metric = next(
            (
                f"{name} {run.metrics[name]:.4f}"
                for name in ("ndcg@10", "auc")
                if name in run.metrics
            ),
            marked("", run.refit_of, run.updated_from),
        )
        return f"[{place}] {fit(plain(run.label), _LABEL)} {metric:<16} {run.run_id}"

    def action_switch(self) -> None:
        """Choose the run, or no longer."""
        row = self._list.highlighted
        if row is None:
            return
        run_id = self._runs[row].run_id
        if run_id in self._chosen:
            self._chosen.remove(run_id)
        else:
            self._chosen.append(run_id)
        for place, run in enumerate(self._runs):
            self._list.replace_option_prompt_at_index(place, self._line(run))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the choice; without one, the run under the cursor."""
        self.dismiss(self._chosen or [self._runs[event.option_index].run_id])

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if by > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()
