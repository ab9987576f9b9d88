"""The screens by key. One line a screen: header, key `1` to `5`, help and docs follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Mode:
    """A screen that has a key.

    Parameters
    ----------
    name
        How the program refers to it: ``app.action_go("jobs")``.
    module, cls
        Where it is; imported when it is opened first.
    needs_runs
        Without any run the first steps are shown in its place.
    """

    key: str
    name: str
    title: str
    about: str
    module: str
    cls: str
    needs_runs: bool = False

    def load(self) -> None:
        """Import the screen."""
        import_module(self.module)

    def make(self) -> Screen[Any]:
        """Make one, imported if it is not yet."""
        screen: Screen[Any] = getattr(import_module(self.module), self.cls)()
        return screen


_AT = "workbench.tui.screens"

SCREENS = (
    Mode("1", "jobs", "Jobs", "what runs, waits and has ended", f"{_AT}.jobs", "JobsScreen", True),
    Mode("2", "results", "Results", "runs side by side", f"{_AT}.runs", "RunsScreen", True),
    Mode("3", "users", "Users", "a history beside recommendations", f"{_AT}.users", "UsersScreen"),
    Mode(
        "4",
        "items",
        "Items",
        "who recommends them, similar items",
        f"{_AT}.items",
        "ItemsScreen",
    ),
    Mode("5", "data", "Data", "data sets, protocols, features", f"{_AT}.data", "DataScreen"),
)
BY_NAME = {screen.name: screen for screen in SCREENS}
