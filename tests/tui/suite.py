"""What tests of the suite's table share."""

from __future__ import annotations

from tests.tui.session import Session

NEWEST_FIRST = ["pop-sample", "mf-long", "ease-large", "ease", "deepfm", "lr", "mf-bpr", "mf"]
NEWEST_FIRST += ["item-cf", "popularity"]


async def on_metric(s: Session, title: str) -> None:
    """Put the column cursor on a column."""
    heads = [head.title for head in s.runs.grid.table.heads]
    step = heads.index(title) - s.runs.grid.cursor_column
    await s.press(*["right" if step > 0 else "left"] * abs(step))
