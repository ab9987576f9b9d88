"""Style sheets, each read once, and the styles that follow from them, each found once.

Textual parses all sheets again for every screen that is new, and looks at every rule again for
every widget that is new, for each part of it (a table has a dozen), and whenever anything about it
changes. Which rules hold for a widget depends on the rules that name it and on the path from the
app down to it; widgets for which both are the same share what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

#: colours of so many themes are remembered
_THEMES = 4
#: what Textual notes of a widget beside its styles: which changes ask for them anew
_NOTES = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")
#: type, id, classes and state of a widget, and of each one around it
_Path = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """The rules that name a widget, in order; equal only to itself.

    Parameters
    ----------
    states
        Whether they ask how the widget, or one around it, is: hovered, focused, disabled, dark.
    siblings
        Whether they ask for its place among others, or for what is in it: nothing is remembered.
    """

    all: tuple[RuleSet, ...]
    states: bool
    siblings: bool


class _Memory:
    """What was found with the colours of one theme."""

    def __init__(self) -> None:
        self.parsed: dict[object, list[RuleSet]] = {}
        self.rules: dict[tuple[int, ...], _Rules] = {}
        #: notes and styles
        self.styles: dict[tuple[_Rules, _Path], tuple[list[bool], RulesMap]] = {}
        #: part -> styles
        self.parts: dict[tuple[tuple[_Rules, ...], _Path], dict[str, RulesMap]] = {}

    def rules_of(self, rules: Iterable[RuleSet]) -> _Rules:
        """Give the same object for the same rules."""
        some = tuple(rules)
        key = tuple(map(id, some))
        known = self.rules.get(key)
        if known is None:
            asked = set[str]().union(*(rule.pseudo_classes for rule in some))
            siblings = not asked.isdisjoint(Stylesheet._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE)
            known = self.rules[key] = _Rules(some, bool(asked), siblings)
        return known


@lru_cache(_THEMES)
def _memory(_colours: frozenset[tuple[str, str]]) -> _Memory:
    return _Memory()


class RememberedStylesheet(Stylesheet):
    """Parses what is new, and everything only when the colours of the theme are others."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._memory = _memory(frozenset(self._variables.items()))
        #: rules by what names a widget, as long as there are no others
        self._named: dict[object, _Rules] = {}
        self._named_in: list[RuleSet] = []
        #: widget -> what the styles of its parts were found for
        self._parts_of: WeakKeyDictionary[DOMNode, object] = WeakKeyDictionary()

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the colours of a theme; the same ones again change nothing."""
        if variables != self._variables:
            super().set_variables(variables)
            self._memory = _memory(frozenset(variables.items()))

    def reparse(self) -> None:
        """Put the rules together anew; a mistake in a new source leaves those there are."""
        self.parse()

    def _parse_rules(self, *source: Any, **options: Any) -> list[RuleSet]:
        key = source, frozenset(options.items())
        parsed = self._memory.parsed
        if key not in parsed:
            parsed[key] = super()._parse_rules(*source, **options)
        return parsed[key]

    def apply(
        self,
        node: DOMNode,
        *,
        animate: bool = False,
        cache: dict[tuple[Any, ...], RulesMap] | None = None,
    ) -> None:
        """Give a widget its styles; nothing is animated."""
        key = (node.__class__, node._id, frozenset(node._classes))
        rules = self._rules_named(key, node._selector_names)
        if rules.siblings:
            super().apply(node)
            return
        known = self._memory.styles
        place = rules, _path(node, rules.states)
        if place not in known:
            found: dict[tuple[Any, ...], RulesMap] = {}
            super().apply(node, cache=found)
            if found:  # some rule holds
                notes = [getattr(node, note) for note in _NOTES]
                known[place] = notes, node.styles.base.get_rules()
            return
        notes, styles = known[place]
        for note, noted in zip(_NOTES, notes, strict=True):
            setattr(node, note, noted)
        if node._is_mounted or node.styles.base._rules:
            self.replace_rules(node, styles)
        else:
            _dress(node, styles)
        self._process_component_classes(node)

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        """Change the styles that are others."""
        base = node.styles.base
        before = base._rules
        for name in before.keys() | rules.keys():
            new = rules.get(name)
            if before.get(name) != new:
                setattr(base, name, new)
        node.notify_style_update()

    def _process_component_classes(self, node: DOMNode) -> None:
        """Give a widget the styles of its parts."""
        parts = node._get_component_classes()
        if not parts:
            return
        rules = tuple(
            self._rules_named(part, {"*", DOMNode.__name__, f".{part}"}) for part in parts
        )
        if any(some.siblings for some in rules):
            super()._process_component_classes(node)
            return
        place = rules, _path(node, any(some.states for some in rules))
        if self._parts_of.get(node) == place:
            return
        self._parts_of[node] = place
        known = self._memory.parts.get(place)
        if known is None:
            super()._process_component_classes(node)
            styles = node._component_styles.items()
            self._memory.parts[place] = {part: each.base.get_rules() for part, each in styles}
            return
        before, node._component_styles = node._component_styles, {}
        for part, some in known.items():
            stand_in = DOMNode(classes=part)
            stand_in._attach(node)
            _dress(stand_in, some)
            node._component_styles[part] = stand_in.styles
        if before != node._component_styles:
            node.refresh()

    def _rules_named(self, key: object, names: set[str]) -> _Rules:
        """Find the rules whose last selector has one of the names."""
        if self._named_in is not self.rules:
            self._named, self._named_in = {}, self.rules
        known = self._named.get(key)
        if known is None:
            some = (rule for rule in self.rules if not rule.selector_names.isdisjoint(names))
            known = self._named[key] = self._memory.rules_of(some)
        return known


def _dress(node: DOMNode, styles: RulesMap) -> None:
    """Give styles to a widget that has none and is not drawn yet."""
    node.styles.base.merge_rules(styles)
    node.notify_style_update()


def _path(node: DOMNode, states: bool) -> _Path:
    """Collect what selectors may ask of a widget and of those around it."""
    path: list[object] = []
    each: object = node
    while isinstance(each, DOMNode):
        path += each.__class__, each._id, frozenset(each._classes)
        if states:
            path.append(_state(each))
        each = each._parent
    return tuple(path)


def _state(node: DOMNode) -> tuple[object, ...]:
    """Collect what pseudo-classes ask of a widget or of the app."""
    if isinstance(node, App):
        colours = node.current_theme.dark, node.native_ansi_color, node.no_color
        return node.app_focus, node.is_inline, *colours
    return *node._pseudo_classes_cache_key, getattr(node, "can_focus", False)
