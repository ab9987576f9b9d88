"""Keys one after the other: each is handled where the one before it has led.

Textual hands every key that has arrived to the widget that has the focus at that moment. Of `/mf`,
typed fast or sent in one packet by a slow line, `m` and `f` would be commands of the table, not
text in the search line that `/` opens. A key whose command needs what is still being read is kept,
and what is typed after it with it, until it is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key
from textual.screen import Screen

#: seconds between looks at whether the widget that answers is still there
_LOOK = 0.1
#: seconds between looks at whether what keys wait for is there
_READY = 0.02


class KeyOrder:
    """Hands a key on when what the key before it began is done.

    Parameters
    ----------
    handle
        Hands a key on to the widget that has the focus.
    """

    def __init__(self, app: App[None], handle: Callable[[Key], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._waiting: deque[Key] = deque()
        self._turn = 0
        #: who is waited for
        self._at: DOMNode | None = None
        self._closed = False
        #: tells whether what keys wait for is there, and the screen that reads it
        self._ready: tuple[Callable[[], bool], Screen[object]] | None = None
        #: whether the first of them was refused
        self._refused = False

    @property
    def waits(self) -> bool:
        """Whether a key is kept that could not be used yet."""
        return self._ready is not None and self._refused

    def keep(self, ready: Callable[[], bool], key: Key | None = None) -> None:
        """Keep what is typed from now on, and a key that could not be used yet, until `ready`."""
        self._refused = key is not None
        if key is not None:
            self._waiting.appendleft(Key(key.key, key.character))
        self._ready = ready, self._app.screen
        if self._at is None:
            self._look_again()
        else:
            self._watch(self._turn)

    def drop(self) -> None:
        """Forget the keys that are kept."""
        self._ready = None
        self._waiting.clear()

    def _look_again(self) -> None:
        """Hand the keys on when what they wait for is there; on another screen they mean others."""
        if self._ready is None or self._closed:
            return
        ready, screen = self._ready
        if screen is not self._app.screen:
            self.drop()
        elif ready():
            self._ready = None
            if self._waiting:
                self._at = screen  # what is typed until then comes after them
                self._app.call_next(self._send)
        else:
            asyncio.get_running_loop().call_later(_READY, self._look_again)

    def close(self) -> None:
        """Drop the keys that wait and those that come: soon there is no screen to take them."""
        self._closed = True
        self._turn += 1
        self._waiting.clear()

    async def take(self, key: Key) -> None:
        """Handle a key, now or when its turn comes."""
        if self._closed:
            return
        self._waiting.append(key)
        if self._at is None and self._ready is not None:
            return
        if self._at is None:
            await self._send()
        elif len(self._waiting) == 1:
            self._watch(self._turn)

    async def _send(self) -> None:
        """Hand on the key that came first, and wait for what it begins."""
        if self._closed:
            return
        app = self._app
        self._at = app.focused or app.screen
        way = self._at.ancestors_with_self
        key = self._waiting.popleft()
        if self._waiting:
            self._watch(self._turn)
        try:
            await self._handle(key)
        finally:
            # the key, a message that the widget answers it with, a focus that was asked for, a new
            # screen and the focus there
            self._follow(self._turn, [*way, *way, app, None, app])

    def _follow(self, turn: int, way: Sequence[DOMNode | None]) -> None:
        """Go a way as a key bubbles: a node answers messages in the order that they came.

        None is the screen that is shown by then.
        """
        if turn != self._turn:
            return
        for place, node in enumerate(way, 1):
            self._at = node or self._app.screen
            if self._at.call_later(self._follow, turn, way[place:]):
                return
        self._end(turn)

    def _watch(self, turn: int) -> None:
        """End the turn when who is waited for is removed: its messages go with it."""
        if turn != self._turn or self._at is None:
            return
        if self._at.is_attached:
            asyncio.get_running_loop().call_later(_LOOK, self._watch, turn)
        else:
            self._app.call_later(self._end, turn)

    def _end(self, turn: int) -> None:
        """End a key's turn, once: that of a widget that was removed may have ended before."""
        if turn != self._turn:
            return
        self._turn += 1
        if self._ready is not None:
            self._at = None
            self._look_again()
        elif self._waiting:
            self._app.call_next(self._send)
        else:
            self._at = None
