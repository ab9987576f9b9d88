"""What a session leaves for the next one: screen, theme and the choices of the table of runs.

One small JSON file a runs folder, in ``$XDG_STATE_HOME/recsys-workbench``. It can be deleted at
any time; one that is damaged or of another version counts as none.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workbench.store.files import StoreError, explain, read_json, write_json
from workbench.store.xdg import xdg_folder
from workbench.tui.view.choices import Choice, Options

_VERSION = 1


def state_folder() -> Path:
    """Return the folder of state files, which need not exist."""
    return xdg_folder("XDG_STATE_HOME", ".local/state")


def state_path(runs_dir: Path) -> Path:
    """Name the state file of a runs folder."""
    key = hashlib.sha256(str(runs_dir.absolute()).encode()).hexdigest()[:16]
    return state_folder() / f"{key}.json"


@dataclass
class SessionState:
    """The choices; screens change them, the app keeps them when it ends.

    Parameters
    ----------
    screen, theme
        Names; empty: the default.
    lists
        By data set: the runs that users and items are shown with.
    widths
        By part that has been made wider or narrower: its cells.
    """

    screen: str = ""
    theme: str = ""
    options: Options = field(default_factory=Options)
    lists: dict[str, Choice] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)


def read_state(runs_dir: Path) -> SessionState:
    """Read what the last session on this runs folder left."""
    path = state_path(runs_dir)
    if not path.exists():
        return SessionState()
    try:
        values = read_json(path)
    except StoreError:  # it holds nothing that cannot be chosen again
        return SessionState()
    screen, theme, options = (values.get(name) for name in ("screen", "theme", "options"))
    if values.get("version") != _VERSION or not isinstance(options, dict):
        return SessionState()
    return SessionState(
        screen if isinstance(screen, str) else "",
        theme if isinstance(theme, str) else "",
        Options.parse(options),
        _choices(values.get("lists")),
        _widths(values.get("widths")),
    )


def _widths(values: object) -> dict[str, int]:
    pairs = values.items() if isinstance(values, dict) else ()
    return {name: width for name, width in pairs if type(width) is int}


def _choices(values: object) -> dict[str, Choice]:
    """Read choices; one that makes no sense is left out."""
    found = {}
    for name, value in values.items() if isinstance(values, dict) else ():
        value = value if isinstance(value, dict) else {}
        ids = [value.get(key) for key in ("runs", "of")]
        if all(isinstance(each, list) and all(isinstance(x, str) for x in each) for each in ids):
            runs, of = (tuple(map(str, each or ())) for each in ids)
            found[name] = Choice(runs, of, value.get("asked") is True)
    return found


def write_state(runs_dir: Path, state: SessionState) -> None:
    """Keep the choices for the next session.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    path = state_path(runs_dir)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path.parent, "XDG_STATE_HOME") from error
    write_json(
        path,
        {
            "version": _VERSION,
            "runs_dir": str(runs_dir.absolute()),
            "screen": state.screen,
            "theme": state.theme,
            "options": state.options.plain(),
            "widths": state.widths,
            "lists": {name: asdict(choice) for name, choice in state.lists.items()},
        },
    )
