"""The small checker of JSON schemas against pydantic, which writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from recsys_core.config import Config
from workbench.jobs.json_schema import allowed, choices_of, fields_of, problem_of


class Inner(Config):
    """A configuration inside another one."""

    size: int = Field(ge=1)
    name: str = "x"


class Every(Config):
    """One field of every kind that configurations have."""

    whole: int = Field(3, ge=-2, le=5)
    open_number: float = Field(0.5, gt=0, lt=1)
    number: float = Field(0.5, ge=0, le=1)
    optional: Annotated[int, Field(ge=1)] | None = None
    flag: bool = False
    loss: Literal["bpr", "bce"] = "bpr"
    either: Literal["auto"] | int = "auto"
    text: str = Field("", max_length=4)
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1, max_length=3)
    inner: Inner | None = None


SCHEMA = Every.model_json_schema()
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-4, 8), st.sampled_from([0.0, 0.25, 1.0, 1.5])
) | st.sampled_from(["bpr", "bce", "auto", "other", ""])
VALUES = st.one_of(
    PLAIN,
    st.lists(PLAIN, max_size=4),
    st.dictionaries(st.sampled_from(["size", "name", "other"]), PLAIN, max_size=3),
)


@given(st.sampled_from(sorted(Every.model_fields)), VALUES)
def test_it_agrees_with_pydantic(field: str, value: Any) -> None:
    try:
        Every.model_validate({field: value}, strict=None)
        fits = True
    except ValidationError:
        fits = False
    problem = problem_of(value, fields_of(SCHEMA)[field], SCHEMA.get("$defs", {}))
    if _is_taken_over_by_pydantic(field, value):
        return
    assert (problem == "") == fits, problem


def _is_taken_over_by_pydantic(field: str, value: Any) -> bool:
    """Whether pydantic turns the value into another type, which a form has no need of."""
    flat = [*value.values()] if isinstance(value, dict) else value
    flat = flat if isinstance(flat, list) else [flat]
    numbers_as_flags = field == "flag" and any(not isinstance(v, bool) for v in flat)
    return numbers_as_flags or any(isinstance(v, bool) and field != "flag" for v in flat)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("whole", 6, "must be at most 5"),
        ("open_number", 1, "must be below 1"),
        ("loss", "brp", "'brp' is not one of bpr, bce: did you mean 'bpr'?"),
        ("optional", 0, "must be at least 1"),
        ("optional", "x", "must be an integer of at least 1, or null"),
        ("text", "other", "must have at most 4 characters"),
        ("sizes", [], "must have at least 1"),
        ("sizes", [64, 0], "entry 2 must be at least 1"),
        ("inner", {"sise": 1}, "unknown field 'sise'; did you mean 'size'? valid: name, size"),
        ("inner", {}, "size is missing"),
    ],
)
def test_what_is_wrong_is_said(field: str, value: Any, problem: str) -> None:
    assert problem_of(value, fields_of(SCHEMA)[field], SCHEMA["$defs"]) == problem


def test_what_a_field_takes() -> None:
    fields, shared = fields_of(SCHEMA), SCHEMA["$defs"]
    shown = {name: allowed(entry, shared) for name, entry in fields.items()}
    assert shown["whole"] == "integer -2 to 5"
    assert shown["open_number"] == "number above 0, below 1"
    assert shown["loss"] == "bpr | bce"
    assert shown["sizes"] == "list of integers, each at least 1"
    assert choices_of(fields["loss"], shared) == ["bpr", "bce"]
    assert choices_of(fields["flag"], shared) == [True, False]
    assert choices_of(fields["whole"], shared) == []
