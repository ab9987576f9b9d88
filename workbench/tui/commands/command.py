"""What a command is."""

from __future__ import annotations

from dataclasses import dataclass

#: Textual key name -> how a person reads it
KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "dollar_sign": "$",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "backspace": "Backspace",
    "tab": "Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
}


def shown(key: str) -> str:
    """Write a key as a person reads it.

    Examples
    --------
    >>> shown("slash"), shown("ctrl+p"), shown("f1"), shown("G")
    ('/', 'Ctrl+P', 'F1', 'G')
    """
    if key in KEY_NAMES or len(key) == 1:
        return KEY_NAMES.get(key, key)
    return "+".join(part.capitalize() for part in key.split("+"))


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person can do.

    Parameters
    ----------
    id
        Stable name, ``scope.verb``: what a key map refers to.
    keys
        Textual key names; the first is the one shown.
    label
        One or two words for the key line and the palette.
    help
        A full sentence for the help screen and the docs.
    handler
        The action, e.g. ``"sort(True)"`` for the method ``action_sort``.
    in_key_line
        Whether the bottom line names it; the order of the registry is the order there.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    handler: str
    in_key_line: bool = False

    @property
    def scope(self) -> str:
        """The part of the program that the command belongs to."""
        return self.id.partition(".")[0]

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """The keys as a person reads them."""
        return tuple(map(shown, self.keys))
