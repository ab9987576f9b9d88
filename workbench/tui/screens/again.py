"""From a run to a new job like it."""

from __future__ import annotations

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.session import Session


def again(app: Session, run: RunSummary) -> None:
    """Open the form for a new job, filled in with a run; whoever adds it stays where they are."""
    from workbench.tui.screens.new_job import NewJobScreen

    def added(ids: str | None) -> None:
        if ids:
            what = ids if len(ids.split()) == 1 else f"{len(ids.split())} jobs"
            app.notify(plain(f"added {what}; 1 shows the jobs"), markup=False)

    app.push_screen(NewJobScreen(run, again=True), added)
