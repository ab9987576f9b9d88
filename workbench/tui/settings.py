"""The configuration file: keys and theme.

``$XDG_CONFIG_HOME/recsys-workbench/config.toml`` (``~/.config/…``), read when a session opens::

    theme = "workbench-light"

    [keys]
    "runs.filter" = "F"
    "table.down" = ["j", "n", "down"]

A command that is named has these keys and no others. Keys are named as Textual names them
(``ctrl+f``, ``f2``, ``pagedown``) or by their character (``/``, ``?``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.keys import Keys

from recsys_core.errors import InputError, unknown_name
from recsys_core.reading import read_bytes
from workbench.store.xdg import xdg_folder
from workbench.tui.commands import COMMANDS, Command, together
from workbench.tui.commands.command import KEY_NAMES, shown

_MODIFIERS = ("ctrl+", "alt+", "shift+", "super+")
_NAMES = {key.value for key in Keys} | set(KEY_NAMES)
#: a comma stands between keys in Textual's key maps
_BY_CHARACTER = {",": "comma", **{shown: name for name, shown in KEY_NAMES.items()}}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says.

    Parameters
    ----------
    theme
        Name of a theme; empty: the one that was chosen last.
    keys
        Keys by command id, where they differ from the usual ones.
    """

    theme: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys_of(self, command: Command) -> tuple[str, ...]:
        """Return the keys of a command."""
        return self.keys.get(command.id, command.keys)

    def shown_keys(self, command: Command) -> tuple[str, ...]:
        """Return the keys of a command as a person reads them."""
        return tuple(map(shown, self.keys_of(command)))

    def keymap(self) -> dict[str, str]:
        """Return the changes as Textual takes them."""
        return {name: ",".join(keys) for name, keys in self.keys.items()}


def settings_path() -> Path:
    """Return the place of the file, which need not exist."""
    return xdg_folder("XDG_CONFIG_HOME", ".config") / "config.toml"


def read_settings(themes: Iterable[str]) -> Settings:
    """Read the file; without one everything is as usual.

    Parameters
    ----------
    themes
        Names of the themes there are.

    Raises
    ------
    InputError
        The file cannot be read or is not TOML; a name that does not exist (the nearest is
        offered); a key that is none, or that would mean two things at once.
    """
    path = settings_path()
    if not path.exists():
        return Settings()
    values = _parse(path)
    try:
        return _settings(values, list(themes))
    except InputError as error:
        raise InputError(f"{path}: {error.problem}", error.remedy) from None


def _parse(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(read_bytes(path).decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply", "see docs/tui.md for an example") from None
    except ValueError as error:
        raise InputError(f"{path}: not TOML: {error}", "see docs/tui.md for an example") from None


def _settings(values: Mapping[str, Any], themes: list[str]) -> Settings:
    for name in values:
        if name not in ("theme", "keys"):
            raise unknown_name("setting", name, ("theme", "keys"))
    theme, keys = values.get("theme", ""), values.get("keys", {})
    if theme and theme not in themes:
        raise unknown_name("theme", str(theme), themes)
    if not isinstance(keys, dict):
        remedy = 'write e.g. [keys] and below it "runs.filter" = "F"'
        raise InputError("keys is not a table", remedy)
    settings = Settings(theme, dict(_keys(keys)))
    _check_conflicts(settings)
    return settings


def _keys(values: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    known = {command.id for command in COMMANDS}
    for name, given in values.items():
        if name not in known:
            raise unknown_name("command", name, known)
        keys = [given] if isinstance(given, str) else given
        if not isinstance(keys, list) or not keys:
            raise InputError(f"{name} has no keys", f'write e.g. "{name}" = "F", or a list of keys')
        yield name, tuple(_key(name, key) for key in keys)


def _key(command: str, key: object) -> str:
    """Return a key by Textual's name."""
    if not isinstance(key, str):
        raise InputError(f"{command}: {key!r} is not a key", 'write e.g. "F", "ctrl+f" or "f2"')
    if key in _BY_CHARACTER or (len(key) == 1 and key.isprintable() and key != " "):
        return _BY_CHARACTER.get(key, key)
    bare = key
    for modifier in _MODIFIERS:
        bare = bare.removeprefix(modifier)
    if key in _NAMES or bare in _NAMES or (len(bare) == 1 and bare.isalnum()):
        return key
    raise unknown_name(f"key of {command}:", key, _NAMES)


def _check_conflicts(settings: Settings) -> None:
    """Refuse a key that two commands of one screen would have, where the file made it so."""
    for command in COMMANDS:
        if command.id not in settings.keys:
            continue
        for other in COMMANDS:
            if other is command or not together(command.scope, other.scope):
                continue
            shared = set(settings.keys_of(command)) & set(settings.keys_of(other))
            if shared:
                raise InputError(
                    f"key '{shown(min(shared))}' would mean both {command.id} and {other.id}",
                    "give one of them another key",
                )
