"""Style sheets, each read once: Textual parses all of them again for every screen that is new.

What a table's cells look like (a dozen classes, each matched with every rule) is found out once,
too, until a rule, the theme, or a class on the way to the table is another.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

#: more than there are widgets and screens with styles of their own
_SOURCES = 1024


class RememberedStylesheet(Stylesheet):
    """Parses what is new, and everything only when the colours of the theme are others."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache: LRUCache[tuple[object, ...], list[RuleSet]] = LRUCache(_SOURCES)
        #: widget -> what the styles of its parts were found for
        self._found_for: WeakKeyDictionary[DOMNode, tuple[object, ...]] = WeakKeyDictionary()

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the colours of a theme; the same ones again change nothing."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Put the rules together anew; a mistake in a new source leaves those there are."""
        self.parse()

    def _process_component_classes(self, node: DOMNode) -> None:
        """Find the styles of a widget's parts; Textual does it whenever those of the widget are."""
        parts = node._get_component_classes()
        if not parts:
            return
        rules_map, app = self.rules_map, node.app
        rules = [rules_map.get(name, []) for name in ("*", *(f".{part}" for part in parts))]
        asked = frozenset().union(*(rule.pseudo_classes for some in rules for rule in some))
        if not asked.isdisjoint(self._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE):
            super()._process_component_classes(node)
            return
        found_for = (
            rules,
            (app.theme, app.native_ansi_color, app.no_color, app.app_focus),
            [(way.classes, way.id, way._pseudo_classes_cache_key) for way in node.css_path_nodes],
        )
        if self._found_for.get(node) != found_for:
            super()._process_component_classes(node)
            self._found_for[node] = found_for
