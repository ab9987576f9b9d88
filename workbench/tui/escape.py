"""Esc typed right before another key: a terminal sends it as it sends Alt with that key."""

from __future__ import annotations

from collections.abc import Container, Iterable

from textual._xterm_parser import XTermParser
from textual.events import Key

_ESC = "\x1b"
_ALT = "alt+"
#: Esc itself, where what came is no sequence: a key named `escape` would be made a circumflex
_ESCAPE = "ctrl+left_square_bracket"
#: keys that Textual takes as what Option writes on a Mac, whose terminals send that themselves
_OPTION = frozenset(f"{_ESC}{character}" for character in "§1234567890-=")

_to_keys = XTermParser._sequence_to_key_events


def _keys_of(self: XTermParser, sequence: str, alt: bool = False) -> Iterable[Key]:
    """Name the key of a sequence; with Esc before it always as one with Alt."""
    if sequence == _ESC:
        yield Key(_ESCAPE, _ESC)
    elif alt or sequence in _OPTION:
        for key in _to_keys(self, sequence[-1], alt=True):
            yield Key(f"{_ALT}{key.key.removeprefix(_ALT)}", key.character)
    else:
        yield from _to_keys(self, sequence)


def name_keys_after_escape() -> None:
    """Have Textual's parser lose neither Esc nor the key after it."""
    XTermParser._sequence_to_key_events = _keys_of  # type: ignore[method-assign]


def apart(key: Key, bound: Container[str]) -> tuple[Key, ...]:
    """Take a key with Alt as Esc and the key, unless it is bound."""
    if key.key == _ESCAPE:
        return (Key("escape", _ESC),)
    typed = key.character  # unknown where the terminal says that it was Alt
    if not key.key.startswith(_ALT) or typed is None or key.key in bound:
        return (key,)
    name = typed if typed.isalnum() else key.key.removeprefix(_ALT)
    return Key("escape", _ESC), Key(name, typed)
