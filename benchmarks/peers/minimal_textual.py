"""The smallest Textual application: what a first paint costs at least."""

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Static


class Minimal(App[None]):
    """Header, a text, footer."""

    def compose(self) -> ComposeResult:
        """Lay out three widgets."""
        yield Header()
        yield Static("the quick brown fox jumps over the lazy dog " * 8)
        yield Footer()


if __name__ == "__main__":
    Minimal().run()
