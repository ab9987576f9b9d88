"""Configuration errors name the thing, the value and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from recsys_core.config import Config, names_of_today, parse_config, parse_value, read_yaml
from recsys_core.errors import InputError


class Part(Config):
    size: int = Field(1, ge=1, le=9, description="How large.")


class Whole(Config):
    name: str = Field(description="What it is called.")
    rate: float = Field(0.5, gt=0, description="How fast.")
    parts: tuple[Part, ...] = Field((), description="What it is made of.")


@pytest.mark.parametrize(
    ("values", "problem", "remedy"),
    [
        ({"name": "a", "rat": 1}, "unknown field of thing 'rat'", "did you mean 'rate'?"),
        ({"rat": 1}, "unknown field of thing 'rat'", "did you mean 'rate'?"),
        ({"rate": 1.0}, "thing: field 'name' is missing", "add name: VALUE"),
        (
            {"name": "a", "rate": -1},
            "thing: rate = -1: input should be greater than 0",
            "rate: How fast.",
        ),
        (
            {"name": "a", "parts": [{"size": 1}, {"sise": 2}]},
            "unknown field of thing, in parts 'sise'",
            "did you mean 'size'? valid: size",
        ),
        (
            {"name": "a", "parts": [{"size": 10}]},
            "thing: parts.0.size = 10: input should be less than or equal to 9",
            "",
        ),
    ],
)
def test_wrong_values_are_explained(values: dict[str, Any], problem: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(Whole, values, "thing")
    assert caught.value.problem == problem
    assert caught.value.remedy.startswith(remedy)


class Child(Part):
    replaced: ClassVar[Mapping[str, str]] = {"width": "size", "colour": "paint it"}


class Grandchild(Child):
    replaced: ClassVar[Mapping[str, str]] = {"pieces": "parts"}

    parts: tuple[Child, ...] = Field((), description="What it is made of.")
    inner: Child = Field(Child(), description="What is in it.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 2}, "thing: 'width' is called 'size' now\nwrite size"),
        ({"pieces": []}, "thing: 'pieces' is called 'parts' now\nwrite parts"),
        ({"colour": "red"}, "thing: 'colour' is no longer a field\npaint it"),
        ({"inner": {"width": 2}}, "thing, in inner: 'width' is called 'size' now\nwrite size"),
    ],
)
def test_a_field_of_an_earlier_version_is_an_error(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(Grandchild, values, "thing")
    assert str(caught.value) == message


def test_what_an_earlier_version_stored_gets_the_names_of_today() -> None:
    assert names_of_today(Grandchild) == {"width": "size", "pieces": "parts"}
    stored = {"width": 2, "inner": {"width": 3, "size": 3}, "pieces": [{"width": 4}], "rate": 1}
    today = {"size": 2, "inner": {"size": 3}, "parts": [{"size": 4}], "rate": 1}
    assert Grandchild.current(stored) == today
    assert Grandchild.current(today) == today


def test_a_configuration_never_changes() -> None:
    config = parse_config(Whole, {"name": "a"}, "thing")
    with pytest.raises(ValidationError):
        config.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("5", 5),
        ("true", True),
        ("null", None),
        ("[64, 32]", [64, 32]),
        ("cosine", "cosine"),
        ("a: b: c", "a: b: c"),
    ],
)
def test_values_of_the_command_line_read_as_yaml_does(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected 'key: value' lines, found empty"),
        (b"- a\n- b\n", "expected 'key: value' lines, found a list"),
        (b"a: [1\n", "line 2, column 1 is not valid YAML"),
        (b"a: \xff\n", "not UTF-8 text"),
        (b"a: !!python/object/apply:os.system ['true']\n", "line 1, column 4 is not valid YAML"),
    ],
)
def test_wrong_files_are_explained(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert message in str(caught.value)
    assert "x.yaml" in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "x.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


NOT_READ = ["\udcff", "2001-99-99", "!!bool x", "[" * 5000, "9" * 5000]
NOT_PLAIN = ["nan", ".inf x", "1e999", "2001-01-01", "{1: 2}", "[2001-01-01]"]


@pytest.mark.parametrize("text", NOT_READ + NOT_PLAIN, ids=lambda text: ascii(text[:20]))
def test_what_is_no_plain_value_stays_text(text: str) -> None:
    assert parse_value(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**400, "1000"),
        ("x" * 10_000_000, "'xxx"),
        ([["x" * 10_000] * 1000] * 1000, "[['xxx"),
        (dict.fromkeys(map(str, range(100_000)), 1), "{'0': 1"),
        (float("inf"), "inf"),
    ],
    ids=["number", "text", "lists", "mapping", "infinity"],
)
def test_a_message_never_shows_a_value_at_length(value: object, shown: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_config(Whole, {"name": "a", "rate": value}, "thing")
    assert caught.value.problem.startswith(f"thing: rate = {shown}")
    assert len(caught.value.problem) < 1000
