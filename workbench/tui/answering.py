"""How the session answers keys: one after the other; one that does nothing says why, or waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.events import Event, Key

from workbench.tui.escape import apart, name_keys_after_escape
from workbench.tui.keys import KeyOrder
from workbench.tui.messages import Said
from workbench.tui.refusals import Refusal, reason_of, waiting_for
from workbench.tui.speaking import Speaking


class Answering(Speaking):
    """A session in which no key is lost."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        name_keys_after_escape()
        self._keys = KeyOrder(self, super().on_event)
        self._refusals: list[Refusal] = []

    async def on_event(self, event: Event) -> None:
        """Take one key after the other; one that comes back is a command."""
        if isinstance(event, Key) and not event.is_forwarded:
            for key in apart(event, self.screen.active_bindings):
                if not self._forgets(key):
                    await self._keys.take(key)
        elif isinstance(event, Key):
            self._refusals.clear()
            await super().on_event(event)
            if self._refusals:
                self._explain(self._refusals[0], event)
        else:
            await super().on_event(event)

    async def run_action(
        self,
        action: Any,
        default_namespace: Any = None,
        namespaces: Any = None,
    ) -> bool:
        """Run a command; remember which one was refused."""
        done = await super().run_action(action, default_namespace, namespaces)
        if done:
            self._refusals.clear()
        elif isinstance(action, str):
            self._refusals.append(Refusal(action, default_namespace or self))
        return done

    def exit(self, *arguments: Any, **options: Any) -> None:
        """End the session; keys that are still on their way, a pasted file, do not hold it up."""
        self._keys.close()
        if self._driver is not None:
            self._driver.disable_input()
        super().exit(*arguments, **options)

    def keep_keys(self, ready: Callable[[], bool]) -> None:
        """Keep what is typed until a part that it is meant for is there."""
        self._keys.keep(ready)

    def _forgets(self, key: Key) -> bool:
        """Forget keys that wait: Esc takes them back, and one that leads elsewhere goes first."""
        if not self._keys.waits:
            return False
        entry = self.screen.active_bindings.get(key.key)
        leads_on = entry is not None and (entry.binding.id or "").startswith("everywhere.")
        if leads_on or key.key == "escape":
            self._keys.drop()
            self.said = None
        return key.key == "escape"

    def _explain(self, refusal: Refusal, key: Key) -> None:
        """Say why a key does nothing, or have it wait; a dialog keeps Ctrl+C from the app."""
        if waiting := waiting_for(refusal, key.key):
            said = self.said = Said(self.now(), waiting)
            self._keys.keep(lambda: self._is_there(refusal, said), key)
        elif reason := reason_of(refusal, key.key):
            self.notify(reason, markup=False)
        elif key.key == "ctrl+c":
            self.action_help_quit()

    def _is_there(self, refusal: Refusal, said: Said) -> bool:
        """Tell whether a refused command has what it waited for; then nothing is said of it."""
        if refusal.awaits:
            return False
        if self.said is said:
            self.said = None
        return True
