"""Style sheets as Textual applies them, without working the same out again for every session.

Which rules hold for a widget depends on the sheets and on the path from the app down to it. Every
session has the same sheets and all but the same paths, and half of its time goes into this.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widget import Widget

#: what selectors may ask of a node: type, id, classes, and what pseudo-classes depend on
Step = tuple[object, ...]
#: what `apply` leaves on a node besides the rules
_FLAGS = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")

parse_rules = Stylesheet._parse_rules
apply_rules = Stylesheet.apply
replace_rules = Stylesheet.replace_rules
process_component_classes = Stylesheet._process_component_classes


class KnownStyles:
    """Stands in for methods of `Stylesheet`; remembers what they found out in other sessions."""

    def __init__(self) -> None:
        self._parsed: dict[object, list[RuleSet]] = {}
        self._sheets: dict[tuple[int, ...], dict[object, tuple[Any, ...]]] = {}
        self._sheet_of: WeakKeyDictionary[Stylesheet, tuple[object, dict[object, Any]]] = (
            WeakKeyDictionary()
        )
        self._components: WeakKeyDictionary[DOMNode, object] = WeakKeyDictionary()

    def parse(self, sheet: Stylesheet, *args: Any, **options: Any) -> list[RuleSet]:
        """Parse a text once: every session has the same hundred."""
        key = (args, frozenset(options.items()), frozenset(sheet._variables.items()))
        if key not in self._parsed:
            self._parsed[key] = parse_rules(sheet, *args, **options)
        return self._parsed[key]

    def apply(
        self,
        sheet: Stylesheet,
        node: DOMNode,
        *,
        animate: bool = False,
        cache: dict[Any, RulesMap] | None = None,
    ) -> None:
        """Give a node the rules that nodes with this path have."""
        known, path = self._known_to(sheet), path_to(node)
        if path in known:
            flags, rules = known[path]
            for name, flag in zip(_FLAGS, flags, strict=True):
                setattr(node, name, flag)
            sheet.replace_rules(node, rules, animate=animate)
            sheet._process_component_classes(node)
            return
        found = dict[Any, RulesMap]()
        apply_rules(sheet, node, animate=animate, cache=found)
        for rules in found.values():  # none, if they depend on the siblings of a node
            known[path] = (tuple(getattr(node, name) for name in _FLAGS), rules)

    def process_component_classes(self, sheet: Stylesheet, node: DOMNode) -> None:
        """Leave the parts of a widget alone if its path is what it was."""
        if not node._get_component_classes():
            return
        now = (id(self._known_to(sheet)), path_to(node))
        if self._components.get(node) != now:
            process_component_classes(sheet, node)
            self._components[node] = now

    def _known_to(self, sheet: Stylesheet) -> dict[object, Any]:
        """Rules by path, of sheets with these very rules."""
        rules = sheet.rules
        of = self._sheet_of.get(sheet)
        if of is None or of[0] is not rules:
            of = rules, self._sheets.setdefault(tuple(map(id, rules)), {})
            self._sheet_of[sheet] = of
        return of[1]


def path_to(node: DOMNode) -> tuple[Step, ...]:
    """Give all that selectors can ask of a node, its place among its siblings aside."""
    steps = list[Step]()
    disabled = False
    for each in node.css_path_nodes:
        state: object = None  # of what stands for a part of a widget
        if isinstance(each, Widget):
            values = each.__dict__.get
            disabled = disabled or bool(values("_reactive_disabled"))
            reactive = values("_reactive_mouse_hover"), values("_reactive_has_focus")
            state = (*reactive, disabled, each.can_focus)
        elif isinstance(each, App):
            state = each.app_focus, each.theme, each.native_ansi_color, each.no_color
        steps.append((type(each), each._id, frozenset(each._classes), state))
    return tuple(steps)


def replace_changed_rules(node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
    """Replace rules unless they are the same."""
    if not animate and node.styles.base._rules == rules:
        node.notify_style_update()
    else:
        replace_rules(node, rules, animate=animate)
