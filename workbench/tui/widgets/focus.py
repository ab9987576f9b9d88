"""The focus, for a widget that draws what changes with it."""

from __future__ import annotations

from textual import events
from textual.scroll_view import ScrollView


class FocusedByLine(ScrollView, inherit_bindings=False):
    """Draws nothing when the focus comes or goes; by default all of a widget is drawn anew."""

    def on_focus(self, event: events.Focus) -> None:
        """Tell the parts around it; who watches `has_focus` draws the lines that change."""
        event.prevent_default()
        self.has_focus = True
        if self.parent is not None:
            self.parent.post_message(events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        """Tell the parts around it."""
        event.prevent_default()
        self.has_focus = False
        if self.parent is not None:
            self.parent.post_message(events.DescendantBlur(self))
