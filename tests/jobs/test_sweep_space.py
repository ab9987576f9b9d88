"""Search spaces: as written, from typed fields, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_core.errors import InputError
from recsys_core.recall.item_cf import ItemCFConfig
from recsys_core.recall.mf import MFConfig
from workbench.jobs.sweep_space import Space, read_spaces


def spaces_of(*texts: str) -> dict[str, Space]:
    return read_spaces(texts, "mf", MFConfig())


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("learning_rate=log(1e-4,1e-1)", Space("log", 1e-4, 0.1)),
        ("weight_decay = float( 0 , 1 )", Space("float", 0, 1)),
        ("dim=int(16,64)", Space("int", 16, 64, whole=True)),
        ("dim=log(16,256)", Space("log", 16, 256, whole=True)),
        ("temperature=int(1,5)", Space("int", 1, 5, whole=True)),
        ("loss=choice(bpr,softmax)", Space("choice", choices=("bpr", "softmax"))),
        ("negatives=choice(null,1e2,5)", Space("choice", choices=(None, 100.0, 5))),
    ],
)
def test_a_space_as_written(text: str, space: Space) -> None:
    assert spaces_of(text) == {text.partition("=")[0].strip(): space}


def test_lists_can_be_choices() -> None:
    from recsys_core.ranking.deepfm import DeepFM

    found = read_spaces(["hidden=choice([64],[64,32])"], "deepfm", DeepFM.Config())
    assert found["hidden"].choices == ([64], [64, 32])


def test_without_a_space_the_bounds_of_the_field_are_searched() -> None:
    assert spaces_of("loss")["loss"].choices == ("softmax", "bpr", "bce", "mse")
    assert spaces_of("logq")["logq"].choices == (False, True)
    assert spaces_of("similarity")["similarity"].choices == ("cosine", "dot", None)
    fields = read_spaces(["asymmetry", "activity_damping"], "item-cf", ItemCFConfig())
    assert fields == {"asymmetry": Space("float", 0, 1), "activity_damping": Space("float", 0, 2)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("learning_rat=log(1,2)", "unknown field in --sweep 'learning_rat=log(1,2)'"),
        ("dim=zap(1,2)", "is not of the form FIELD=SPACE"),
        ("dim=int(1,2,3)", "is not of the form FIELD=SPACE"),
        ("dim=int(a,b)", "is not of the form FIELD=SPACE"),
        ("dim=int(true,2)", "is not of the form FIELD=SPACE"),
        ("temperature=float(0.1,.inf)", "is not of the form FIELD=SPACE"),
        ("loss=choice()", "is not of the form FIELD=SPACE"),
        ("dim=int(5,5)", "5 is not below 5"),
        ("temperature=log(0,1)", "log needs numbers above 0"),
        ("dim=float(1,5)", "only whole numbers are possible"),
        ("dim=log(1.5,5)", "only whole numbers are possible"),
        ("temperature=int(0.5,2)", "only whole numbers are possible"),
        ("dim=int(0,8)", "model mf: dim = 0"),
        ("learning_rate=log(1,100)", "model mf: learning_rate = 100"),
        ("loss=choice(bpr,bpt)", "model mf: loss = 'bpt'"),
        ("epochs=choice(5,many)", "model mf: epochs = 'many'"),
    ],
)
def test_what_is_no_space_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as error:
        spaces_of(text)
    assert problem in error.value.problem
    assert error.value.remedy


def test_bounds_that_are_far_apart_are_refused_with_a_space_around_the_value() -> None:
    with pytest.raises(InputError) as error:
        spaces_of("learning_rate")
    assert str(error.value) == (
        "the bounds of mf.learning_rate are too wide to be searched from end to end\n"
        "give a space: --sweep learning_rate=…, e.g. log(0.0005,0.05)"
    )
    with pytest.raises(InputError, match="twice"):
        spaces_of("loss", "loss=choice(bpr)")


def test_values_that_do_not_fit_together_are_left_to_the_trials() -> None:
    # logq means nothing with another loss than softmax
    assert len(spaces_of("loss", "logq")) == 2


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
SPACES = st.one_of(
    st.builds(lambda xs: Space("choice", choices=tuple(xs)), st.lists(VALUES, min_size=1)),
    st.builds(lambda low: Space("log", low, 2 * low), st.floats(1e-9, 1e9)),
    st.builds(lambda low: Space("int", low, low + 3, whole=True), st.integers(-9, 9)),
)


@given(SPACES)
def test_a_space_survives_being_written_down(space: Space) -> None:
    import json

    plain: dict[str, Any] = json.loads(json.dumps(space.plain()))
    assert Space.parse(plain) == space
    assert all(space.holds(end) for end in space.ends)
