"""Two runs with lists of the films, and the way to their users."""

from __future__ import annotations

from pathlib import Path

from tests.tui.session import Session
from tests.workbench.films import prepare_films, write_list_run
from workbench.tui.screens.users import UsersScreen

#: user 0 has 3 held out; both runs recommend from it
ITEM_CF = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}
OTHER = {0: ((4, 3.0), (2, 1.0)), 1: ((3, 1.0),)}


def write_two_lists(place: Path) -> Path:
    """Prepare the films and write a runs folder with two runs on them."""
    folder = place / "runs"
    folder.mkdir()
    prepare_films(place / "data")
    write_list_run(folder, "item-cf", ITEM_CF, ndcg={0: 0.2, 1: 1.0})
    write_list_run(folder, "other", OTHER, ndcg={0: 0.7, 1: 0.0})
    return folder


def screen(s: Session) -> UsersScreen:
    here = s.app.screen
    assert isinstance(here, UsersScreen)
    return here


async def to_users(s: Session) -> UsersScreen:
    await s.press("3")
    await s.until(lambda: isinstance(s.app.screen, UsersScreen))
    await s.until(lambda: screen(s).people.grid.cursor_key is not None)
    return screen(s)


def shown_user(here: UsersScreen) -> str:
    return here.person.inspection.user.user_id if here.person.inspection else ""


async def to_first(s: Session) -> UsersScreen:
    """Open user u0."""
    here = await to_users(s)
    await s.press("enter")
    await s.until(lambda: shown_user(here) == "u0")
    return here
