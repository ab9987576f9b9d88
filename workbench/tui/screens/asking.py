"""Screens from which the queue is asked for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual import work

from recsys_core.errors import InputError
from workbench.store.text import plain, plain_lines
from workbench.tui.screens.base import FullScreen
from workbench.tui.view import changes
from workbench.tui.view.sweeps import SweepView, question_of


class AskingScreen(FullScreen):
    """Makes requests and says what came of them."""

    @work(group="requests")
    async def request(self, request: Callable[[], str]) -> None:
        """Do something to the queue, off the thread that answers keys, and say what came of it."""
        try:
            self.notify(plain(await asyncio.to_thread(request)), markup=False)
        except InputError as error:
            self.notify(plain_lines(str(error)), severity="error", markup=False)

    def end_sweep(self, sweep: SweepView, key: str) -> bool:
        """Ask whether a sweep is to end; a second time, while the question stands, end it.

        Parameters
        ----------
        key
            What was pressed: the question names it.

        Returns
        -------
        Whether it ends.
        """
        app = self.workbench
        question = question_of(sweep, key)
        if app.said is None or app.said.text != question:
            self.notify(question, severity="warning", markup=False)
            return False
        self.request(lambda: changes.end_sweep(sweep, app.runs_dir))
        return True
