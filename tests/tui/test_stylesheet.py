"""Style sheets are parsed once, and what follows from them is found once."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.css.parse import parse
from textual.css.stylesheet import Stylesheet, StylesheetParseError
from textual.dom import DOMNode

from tests.tui.session import session
from tests.workbench.films import prepare_films
from workbench.tui.stylesheet import RememberedStylesheet

RED = "Grid { color: $ink; }"


def sheet(monkeypatch: pytest.MonkeyPatch) -> tuple[RememberedStylesheet, list[str]]:
    """Make one with a source, and note what is parsed."""
    parsed: list[str] = []

    def note(scope: str, css: str, *arguments: object, **options: object) -> object:
        parsed.append(css)
        return parse(scope, css, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("textual.css.stylesheet.parse", note)
    made = RememberedStylesheet(variables={"ink": "red"})
    made.add_source(RED, ("", "one"))
    made.reparse()
    return made, parsed


def test_a_new_screen_has_only_its_own_rules_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    made, parsed = sheet(monkeypatch)
    made.add_source("Label { color: blue; }", ("", "two"))
    made.reparse()
    made.set_variables({"ink": "red"})
    made.reparse()
    assert parsed == [RED, "Label { color: blue; }"]
    assert set(made.rules_map) >= {"Grid", "Label"}


def test_other_colours_have_all_of_it_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = sheet(monkeypatch)
    assert "#FF0000" in made.css
    made.set_variables({"ink": "green"})
    made.reparse()
    assert "#008000" in made.css


def test_a_mistake_leaves_the_rules_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = sheet(monkeypatch)
    made.add_source("Label { color: no-such-colour; }", ("", "two"))
    with pytest.raises(StylesheetParseError):
        made.reparse()
    assert "Grid" in made.css


def styles_of(node: DOMNode) -> tuple[object, ...]:
    """Styles of a widget and of its parts."""
    parts = {part: each.base.get_rules() for part, each in node._component_styles.items()}
    return node.styles.base.get_rules(), parts


@pytest.mark.parametrize(
    ("theme", "keys"), [("workbench-dark", ["3", "tab", "5"]), ("ansi-light", ["x", "escape", "/"])]
)
async def test_what_is_remembered_is_what_textual_finds(
    suite: Path, theme: str, keys: list[str]
) -> None:
    prepare_films(suite.parent / "data")
    async with session(suite, (160, 40)) as s:
        s.app.theme = theme
        for key in keys:
            await s.press(key)
            textual = Stylesheet(variables=s.app.get_css_variables())
            textual.source = s.app.stylesheet.source
            textual.parse()
            for node in s.app.screen.walk_children(with_self=True):
                found = styles_of(node)
                textual.apply(node)
                assert found == styles_of(node), (key, node)
