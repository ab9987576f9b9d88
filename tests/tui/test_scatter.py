"""Scatter plots: where points come to lie, what stands at the axes."""

from __future__ import annotations

import math

import pytest

from workbench.tui.view.scatter import Dot, Scale, draw_scatter


def drawn(dots: list[Dot], x: Scale = Scale(), y: Scale = Scale()) -> list[str]:  # noqa: B008
    lines = draw_scatter(dots, 20, 8, x, y)
    return ["".join(piece.text for piece in line) for line in lines]


def test_every_point_is_where_its_values_are() -> None:
    corners = [Dot(0, 0, mark="a"), Dot(0, 4, mark="b"), Dot(10, 4, mark="c"), Dot(5, 2, mark="d")]
    assert drawn(corners) == [
        "4┤b                c",
        " │                  ",
        " │                  ",
        "2┤         d        ",
        " │                  ",
        "0┤a                 ",
        " └┴────────┴───────┴",
        "  0        5      10",
    ]


def test_points_that_share_a_cell_are_dots_of_it_and_a_mark_stays() -> None:
    box = [Dot(0, 0), Dot(1000, 1000)]
    lines = drawn([*box, Dot(0.1, 60)])
    assert lines[5].startswith("   0┤⡄"), "the lowest dot of the cell, and the one above it"
    marked = drawn([*box, Dot(0, 0, mark="★"), Dot(0, 0)])
    assert marked[5].startswith("   0┤★")


def test_on_a_logarithmic_axis_equal_factors_are_equal_distances() -> None:
    dots = [Dot(10**power, 1, mark="o") for power in (-4, -3, -2)]
    lines = drawn([*dots, Dot(0, 1), Dot(-1, 1), Dot(math.inf, 1)], Scale(log=True))
    row = next(line for line in lines if "o" in line)
    first, second, third = (place for place, char in enumerate(row) if char == "o")
    assert abs((second - first) - (third - second)) <= 1
    assert lines[-1].split() == ["0.0001", "0.01"]


def test_names_stand_below_their_points_and_are_cut_with_an_ellipsis() -> None:
    lines = drawn([Dot(0, 1, mark="o"), Dot(1, 2, mark="o")], Scale(names=("bpr", "softmax-long")))
    assert lines[-1].split() == ["bpr", "softma…"]
    assert lines[0].index("o") == lines[-2].rindex("┴")
    assert lines[-3].index("o") == lines[-2].index("┴")


def test_colours_follow_the_look_and_axes_have_none() -> None:
    line = draw_scatter([Dot(0, 0, 1), Dot(1, 0, 2)], 20, 5)[1]
    assert [piece.look for piece in line if piece.look >= 0 or piece.text[-1] in "│┤"] == [-1, 1, 2]


@pytest.mark.parametrize("dots", [[], [Dot(math.nan, 1.0)], [Dot(-1.0, 1.0)]])
def test_nothing_to_draw_is_blank(dots: list[Dot]) -> None:
    assert drawn(dots, Scale(log=True)) == [" " * 20] * 8


def test_one_value_is_in_the_middle() -> None:
    lines = drawn([Dot(3, 0.125, mark="o")])
    assert lines[3].startswith("0.125┤")
    assert lines[3].index("o") == lines[-2].index("┴")
    assert lines[-1].strip() == "3"
