"""One thing that takes a while: how far it is, or what went wrong with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message
from textual.worker import Worker

from recsys_core.errors import InputError
from workbench.store.text import plain
from workbench.tui.view.work import Trouble, Work, trouble_section, work_section
from workbench.tui.widgets.sections import SectionView

if TYPE_CHECKING:
    from workbench.tui.session import Session

#: progress is drawn this often, in seconds
_TICK = 0.25


class Activity(SectionView):
    """Runs one thing at a time; it takes no room while nothing is under way and all is well."""

    @dataclass
    class Changed(Message):
        """It began, went on or ended."""

    def __init__(self) -> None:
        super().__init__(id="activity")
        self.work: Work | None = None
        self.trouble: Trouble | None = None
        self._worker: Worker[None] | None = None

    def on_mount(self) -> None:
        """Follow what is under way."""
        self.set_interval(_TICK, self._tick)
        self.draw()

    def _tick(self) -> None:
        if self.busy and self.screen.is_current:
            self.draw()
            self.post_message(self.Changed())

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._worker is not None

    def start(self, title: str, work: Callable[[], Awaitable[str]], remedy: str) -> None:
        """Do something off to the side.

        Parameters
        ----------
        title
            Heads what is said when it fails.
        work
            Says what was done; an `InputError` says why it was not.
        remedy
            What helps besides what the error says.
        """
        self.trouble = None
        self._worker = self.run_worker(partial(self._do, title, work, remedy), group="work")
        self.post_message(self.Changed())

    async def _do(self, title: str, work: Callable[[], Awaitable[str]], remedy: str) -> None:
        try:
            done = await work()
        except InputError as error:
            self.complain(title, error, remedy)
        else:
            self.notify(plain(done), markup=False)
        finally:
            self.work = self._worker = None
            self.draw()
            self.post_message(self.Changed())

    def progress(self, work: Work) -> None:
        """Take in how far it is; it is drawn a few times a second."""
        self.work = work

    def complain(self, title: str, error: InputError, remedy: str = "") -> None:
        """Say what went wrong."""
        remedies = [text for text in (error.remedy, remedy) if text]
        self.trouble = Trouble(title, error.problem, remedies)
        self.draw()

    def dismiss(self) -> None:
        """Cancel what is under way; else take the message away."""
        if self._worker is not None:
            self._worker.cancel()
            self.notify("Cancelled.", markup=False)
        self.trouble = None
        self.draw()

    def draw(self) -> None:
        """Draw what there is to say."""
        app: Session = self.app  # type: ignore[assignment]
        width = max(20, self.container_size.width - 3)
        self.set_class(self.trouble is not None, "-wrong")
        if self.work is not None:
            self.show(work_section(self.work, app.now(), width))
        else:
            self.show(trouble_section(self.trouble, width) if self.trouble else None)
