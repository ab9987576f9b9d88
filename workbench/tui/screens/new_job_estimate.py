"""What the job of the form would take, found out by another process while it is filled in."""

from __future__ import annotations

import asyncio
import json
import shutil

from textual import work
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer

from recsys_core.processes import python_command
from workbench.store.text import plain
from workbench.tui.processes import follow_process
from workbench.tui.screens.new_job_shown import NewJobShown
from workbench.tui.view.form import UNKNOWN, estimate_arguments, say_estimate
from workbench.tui.widgets.grid_cells import fit

#: seconds without a change after which a job is looked at: the process loads the models' libraries
_PAUSE = 1.5
#: cells of the frame that the title leaves
_FRAME = 8


class NewJobEstimate(NewJobShown):
    """Shows the estimate in the title of the form; whatever is changed makes it void."""

    _pausing: Timer | None = None
    #: the command line of the estimate that is shown, or under way
    _estimated: tuple[str, ...] = ()

    def _follow_changes(self) -> None:
        """Estimate the job as it is now, when nothing has been changed for a while."""
        form = self._form
        if form is None:
            return
        arguments = () if self._problems else tuple(estimate_arguments(form))
        if arguments == self._estimated:
            return
        self._stop_estimating()
        self._estimated = arguments
        if arguments:
            self._pausing = self.set_timer(_PAUSE, lambda: self._estimate(arguments))

    def _stop_estimating(self) -> None:
        self._estimated = ()
        self._show_estimate("")
        self.workers.cancel_group(self, "estimate")
        if self._pausing is not None:
            self._pausing.stop()
            self._pausing = None

    @work(group="estimate", exclusive=True)
    async def _estimate(self, arguments: tuple[str, ...]) -> None:
        self._show_estimate("estimating …")
        command = await asyncio.to_thread(_command, [*arguments, *self.folders])
        done = await follow_process(command, lambda line: None)
        if not self.is_attached or self._form is None or arguments != self._estimated:
            return
        if not done.output:  # what the core says of fields that do not fit together, it says here
            self._show_estimate("" if self._refuse(done.complaint()) else UNKNOWN)
            return
        try:
            content = json.loads(done.output)
        except ValueError:
            content = None
        self._show_estimate(say_estimate(content, bool(self._form.swept())))

    @property
    def folders(self) -> list[str]:
        """The options that name the folders of the session."""
        app = self.workbench
        return [f"--runs-dir={app.runs_dir}", f"--data-dir={app.data_dir}"]

    def _show_estimate(self, text: str) -> None:
        frame = self.query_one("#new-job", Vertical)
        title = f"{self.title_text} · {plain(text)}" if text else self.title_text
        text = fit(title, max(8, frame.size.width - _FRAME)).rstrip()
        frame.border_title = Content(text)


def _command(arguments: list[str]) -> list[str]:
    """Write the command line; the process steps back behind jobs and keys."""
    nice = shutil.which("nice")
    return [*([nice, "-n", "10"] if nice else []), *python_command("-m", "workbench", *arguments)]
