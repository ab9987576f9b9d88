"""What the session has said: the newest stands in the last line for a few seconds, all are kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from textual.notifications import SeverityLevel

#: seconds that a message stands in the last line
SECONDS: dict[SeverityLevel, float] = {"information": 4.0, "warning": 6.0, "error": 8.0}
#: how it begins and its colour
LOOKS: dict[SeverityLevel, tuple[str, str]] = {
    "information": ("", "$foreground"),
    "warning": ("▲ ", "$warning"),
    "error": ("✖ ", "$error"),
}
_MOST = 100


@dataclass(frozen=True, slots=True)
class Said:
    """A message.

    Parameters
    ----------
    when
        Seconds since 1970.
    text
        One line; safe to draw.
    """

    when: float
    text: str
    severity: SeverityLevel = "information"

    @property
    def line(self) -> str:
        """The text behind its sign."""
        return f"{LOOKS[self.severity][0]}{self.text}"


class Messages:
    """The newest messages, newest first."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.newest: deque[Said] = deque(maxlen=_MOST)

    def take(self, text: str, severity: SeverityLevel) -> Said:
        """Keep a message; of several lines one is made."""
        said = Said(self._now(), "; ".join(filter(None, text.splitlines())), severity)
        self.newest.appendleft(said)
        return said
