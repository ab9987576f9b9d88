"""Style sheets, each read once: Textual parses all of them again for every screen that is new."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

#: more than there are widgets and screens with styles of their own
_SOURCES = 1024


class RememberedStylesheet(Stylesheet):
    """Parses what is new, and everything only when the colours of the theme are others."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache: LRUCache[tuple[object, ...], list[RuleSet]] = LRUCache(_SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the colours of a theme; the same ones again change nothing."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Put the rules together anew; a mistake in a new source leaves those there are."""
        self.parse()
