"""Files that may be foreign: every one is read, or refused with a ValueError, at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from recsys_core.reading import (
    MIB,
    DamagedError,
    YAMLError,
    parse_json,
    parse_yaml,
    read_bytes,
    read_json,
    shorten,
)

#: nine lines that stand for 10^9 values
BILLION = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def short(value: str | bytes) -> str:
    """Name a case by its beginning: some are thousands of characters."""
    return repr(value[:12])


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "9" * 400, '"\\ud800"', '{"a": "\\uD800"}', "", "{", b"\xff"],
    ids=short,
)
def test_json_that_cannot_be_kept_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^\S"):
        parse_json(text)


def test_json_keeps_what_it_can() -> None:
    value = {"pair": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "n": 2**63}
    assert parse_json(json.dumps(value)) == value
    assert float(parse_json("9" * 300)) == pytest.approx(1e300)


@pytest.mark.parametrize(
    "text",
    [
        "label: 2001-99-99",
        "!!bool x",
        "!!int x",
        "!!float x",
        "!!timestamp x",
        "0x_",
        "9" * 5000,
        "[" * 100_000,
        "{a: " * 3000,
        "- " * 3000,
        "a: [1",
        "!!python/object/apply:os.system [id]",
        "a: *unknown",
        "a: &x [*x]",
        "\x00",
        "\udcff",
        b"\xff\xfe\xff",
        "? {a: 1}\n: 2",
        BILLION,
    ],
    ids=short,
)
def test_yaml_that_cannot_be_kept_is_a_problem_at_once(text: str | bytes) -> None:
    with pytest.raises(YAMLError) as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_yaml_aliases_within_bounds_are_read() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}
    with pytest.raises(YAMLError) as caught:
        parse_yaml("a: 1\nb: [" + "1, " * 200_001 + "]")
    assert caught.value.line == 2


def test_a_place_is_named() -> None:
    with pytest.raises(YAMLError) as caught:
        parse_yaml("a: 1\nb: [1\nc: 2\n")
    assert (caught.value.line, caught.value.column) == (3, 2)


def test_only_regular_files_up_to_a_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(6 << 30)
    for name, why in (("pipe", "regular"), ("zero", "regular"), ("sparse", "larger than 64 MiB")):
        with pytest.raises(ValueError, match=why):
            read_bytes(tmp_path / name)
    (tmp_path / "two").write_bytes(bytes(2 * MIB))
    assert len(read_bytes(tmp_path / "two", 2 * MIB)) == 2 * MIB
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        read_bytes(tmp_path / "two", MIB)
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")


@pytest.mark.parametrize(
    "content", ["[1]", "{", "[" * 50_000, '{"a": ' + "9" * 400 + "}"], ids=short
)
def test_a_damaged_json_file_is_named_with_a_remedy(tmp_path: Path, content: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(content)
    with pytest.raises(DamagedError, match=r"status\.json: damaged: ") as caught:
        read_json(path, remedy="run it again")
    assert caught.value.remedy == "run it again"
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_json_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")


def test_long_values_are_shortened() -> None:
    assert shorten("x" * 10_000) == "x" * 119 + "…"
