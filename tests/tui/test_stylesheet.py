"""Style sheets are parsed once."""

from __future__ import annotations

import pytest
from textual.css.parse import parse
from textual.css.stylesheet import StylesheetParseError

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
