from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from workbench.reports.svg import Bar, bars, curve, spread

# the plot area reaches from 170 to 640 - 78 = 562 units
LEFT, AREA = 170.0, 392.0


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # written here, so it is safe to parse


def test_bars_are_as_long_as_their_values() -> None:
    root = parse(bars("ndcg@10", [Bar("a", 0.5), Bar("b", 0.25), Bar("c", 0.0)]))
    widths = [float(rect.get("width", "")) for rect in root.iter("rect")]
    assert widths == [AREA, AREA / 2, 0.0]


def test_whiskers_and_marks_stand_at_their_values() -> None:
    [bar] = [Bar("a", 0.4, interval=(0.3, 0.5), reference=0.25)]
    root = parse(bars("ndcg@10", [bar]))
    whisker, mark = (path.get("d", "") for path in root.iter("path"))
    start, end = re.match(r"M([\d.]+) 13.0H([\d.]+)", whisker).groups()  # type: ignore[union-attr]
    assert float(start) == pytest.approx(LEFT + AREA * 0.3 / 0.5, abs=0.05)
    assert float(end) == pytest.approx(LEFT + AREA)
    assert mark.startswith(f"M{LEFT + AREA / 2:.1f} ")


def test_bars_may_start_at_chance() -> None:
    root = parse(bars("auc", [Bar("a", 0.9), Bar("b", 0.6)], start=0.5))
    widths = [float(rect.get("width", "")) for rect in root.iter("rect")]
    assert widths == pytest.approx([AREA, AREA / 4])


@pytest.mark.parametrize("value", [0.0, -0.1])
def test_bars_of_nothing_do_not_divide_by_zero(value: float) -> None:
    [rect] = parse(bars("ndcg@10", [Bar("a", value)])).iter("rect")
    assert rect.get("width") == "0.0"


def test_a_curve_leaves_gaps_and_marks_the_best() -> None:
    root = parse(curve("loss", [3.0, 1.0, None, 2.0], higher=False))
    [line] = [path for path in root.iter("path") if path.get("class") == "line"]
    assert re.sub(r"[\d. ]+", "", line.get("d", "")) == "MLM"
    assert root.findtext("circle/title") == "epoch 2: 1.0000"


def test_a_curve_of_one_epoch_is_a_dot() -> None:
    root = parse(curve("loss", [1.0], higher=False))
    assert root.findtext("circle/title") == "epoch 1: 1.0000"


def test_a_curve_without_values_is_nothing() -> None:
    assert curve("loss", [None, None], higher=False) == ""


def test_the_spread_marks_the_median() -> None:
    deciles = [i / 10 for i in range(11)]
    root = parse(spread("ndcg@10", [("a", deciles)]))
    [median] = [path for path in root.iter("path") if path.get("class") == "median"]
    assert median.get("d", "").startswith(f"M{LEFT + AREA / 2:.1f} ")
    assert len(list(root.iter("rect"))) == 4


def test_equal_users_do_not_divide_by_zero() -> None:
    assert parse(spread("ndcg@10", [("a", [0.5] * 11)])).tag == "svg"


def test_labels_are_escaped_and_cut() -> None:
    label = "<b>&" + "千" * 30
    root = parse(bars("ndcg@10", [Bar(label, 0.5)]))
    text = root.find("text")
    assert text is not None
    assert (text.text or "").startswith("<b>&千")
    assert (text.text or "").endswith("…")
    assert text.findtext("title") == label
