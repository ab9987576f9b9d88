"""What pictures show, and what is said where there is nothing to show; matplotlib is not needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.rows import ece
from tests.reports.folders import PROTOCOL, make_run
from tests.reports.pictures.runs import A, B, C, ranking_run, recall_run
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.compare import compare_runs
from workbench.reports.folder import read_report_run
from workbench.reports.pictures import drawing
from workbench.reports.pictures.cutoffs import read_cutoffs
from workbench.reports.pictures.forest import of_baseline, read_forest
from workbench.reports.pictures.groups import read_groups
from workbench.reports.pictures.kinds import parse_plots
from workbench.reports.pictures.reliability import read_reliability
from workbench.reports.pictures.subjects import each_label, each_run, short
from workbench.reports.pictures.tradeoff import read_tradeoff
from workbench.reports.write import to_html


def test_a_forest_has_the_differences_of_the_comparison(tmp_path: Path) -> None:
    runs = [recall_run(tmp_path, name, users) for name, users in zip("abc", (A, B, C), strict=True)]
    forest = read_forest(each_run(runs))
    assert (forest.metric, forest.base) == ("ndcg@10", "a (0.3250)")
    (row,) = [row for row in compare_runs(runs)["metrics"] if row["metric"] == "ndcg@10"]
    assert [each.name for each in forest.rows] == ["b", "c"]
    for each, value in zip(forest.rows, row["values"][1:], strict=True):
        assert each.delta == pytest.approx(value["delta"])
        assert (list(each.interval), each.p_value) == (value["delta_ci95"], value["p_value"])


def test_a_forest_leaves_out_what_cannot_be_compared_and_says_why(tmp_path: Path) -> None:
    other = {**PROTOCOL, "fingerprint": "other"}
    runs = [
        recall_run(tmp_path, "a"),
        recall_run(tmp_path, "b", B),
        recall_run(tmp_path, "c", protocol=other),
        ranking_run(tmp_path, "lr", metrics={"ndcg@10": None}),
    ]
    forest = read_forest(each_run(runs))
    assert [row.name for row in forest.rows] == ["b"]
    assert forest.left_out == {"c": "judged on another split", "lr": "no ndcg@10"}


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("coverage@10", "coverage@10 has no values of users.*\nchoose another --metric: ndcg@10"),
        ("ndgc@10", "unknown metric of users of a: 'ndgc@10'\ndid you mean 'ndcg@10'"),
    ],
)
def test_a_metric_that_a_forest_cannot_show(tmp_path: Path, metric: str, said: str) -> None:
    runs = [recall_run(tmp_path, "a"), recall_run(tmp_path, "b", B)]
    with pytest.raises(InputError, match=said):
        read_forest(each_run(runs), metric)


def test_the_bins_are_those_of_the_metric(tmp_path: Path) -> None:
    scores = [0.0, 0.05, 0.3, 0.32, 0.5, 0.93, 1.0, 1.0]
    labels = [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    rows = list(zip(labels, scores, strict=True))
    (panel,) = read_reliability(each_run([ranking_run(tmp_path, "lr", rows)])).panels
    # of width 1/15: 0 and .05 in the first; .3 and .32 in the fifth, which begins at 4/15 = .267;
    # .5 in the eighth; .93 in the fourteenth, which ends at 14/15 = .933; 1 in the last
    assert [(each.number, each.rows) for each in panel.bins] == [
        (0, 2), (4, 2), (7, 1), (13, 1), (14, 2),
    ]  # fmt: skip
    assert [each.observed for each in panel.bins] == [0.5, 0.5, 1.0, 1.0, 0.5]
    assert panel.ece == pytest.approx(ece(np.array(labels), np.array(scores)))


def test_runs_without_probabilities_are_named(tmp_path: Path) -> None:
    runs = [recall_run(tmp_path, "ease"), ranking_run(tmp_path, "svm", [(1, -2.5)])]
    with pytest.raises(InputError) as caught:
        read_reliability(each_run(runs))
    assert "ease: a recall run predicts no probabilities" in caught.value.problem
    assert "svm: scores outside 0 to 1" in caught.value.problem


def test_lines_have_the_cutoffs_that_all_share(tmp_path: Path) -> None:
    runs = [
        recall_run(tmp_path, "a", metrics={"recall@5": 0.01}),
        recall_run(tmp_path, "b", B),
        ranking_run(tmp_path, "lr"),
    ]
    picture = read_cutoffs(each_run(runs))
    assert picture.ks == [10, 20, 50]
    assert picture.lines[0].values == pytest.approx([0.0325, 0.065, 0.1625])
    assert picture.left_out == {"lr": "no recall@k"}


def test_one_cutoff_is_no_line(tmp_path: Path) -> None:
    runs = [read_report_run(make_run(tmp_path, name, metrics={"recall@10": 0.1})) for name in "ab"]
    with pytest.raises(InputError, match=r"a, b: only recall@10\nevaluate .*--k 5,10"):
        read_cutoffs(each_run(runs))


def test_accuracy_stands_beside_coverage(tmp_path: Path) -> None:
    picture = read_tradeoff(each_run([recall_run(tmp_path, "a"), ranking_run(tmp_path, "lr")]))
    (point,) = picture.points
    assert (picture.k, point.ndcg) == (10, 0.325)
    assert point.coverage == pytest.approx(0.1625)
    with pytest.raises(InputError, match="no coverage@k and ndcg@k of one k in common: fm"):
        read_tradeoff(each_run([ranking_run(tmp_path, "fm", metrics={"ndcg@10": None})]))


def test_segments_of_users_and_items_are_panels(tmp_path: Path) -> None:
    segments = {"segment/genre=War/recall@10": 0.3, "segment/genre=Film=Noir/recall@10": 0.1}
    more = {"segment/users=new/ndcg@10": 0.2, "segment/users=new/recall@10": 0.25}
    picture = read_groups(
        each_run([recall_run(tmp_path, "a"), recall_run(tmp_path, "b", metrics=segments | more)])
    )
    assert [(each.title, each.metric) for each in picture.families] == [
        ("items", "recall@10"),
        ("genre", "recall@10"),
        ("users", "recall@10"),
    ]
    popular = picture.families[0].groups[0]
    value, interval = popular.values["a"]
    assert value == pytest.approx(0.325)
    assert interval == pytest.approx((0.1625, 0.65))
    genres = {group.name: dict(group.values) for group in picture.families[1].groups}
    assert genres == {"Film=Noir": {"b": (0.1, None)}, "War": {"b": (0.3, None)}}


def test_names_in_a_picture_are_unique(tmp_path: Path) -> None:
    runs = [
        recall_run(tmp_path, "mf", run_id="one-00aa", seed=0),
        recall_run(tmp_path, "mf", run_id="two-00bb", seed=0),
        recall_run(tmp_path, "mf", seed=1),
        recall_run(tmp_path, "ease"),
    ]
    assert [each.name for each in each_run(runs)] == ["mf 00aa", "mf 00bb", "mf seed 1", "ease"]
    long = [recall_run(tmp_path, f"with-a-long-name-{n}-and-a-long-end") for n in range(2)]
    one, two = each_label(long)
    assert (one.name, two.name) == ("with-a-lon…-long-end", "with-a-lon…-long-end (2)")
    assert short("千と千尋の神隠しと魔女の宅急便") == "千と千尋の…の宅急便"
    assert short("\x1b[31mx\u202e") == "\\x1b[31mx\\u202e"


def test_seeds_fold_into_one_standard_deviation(tmp_path: Path) -> None:
    metrics = [{"recall@10": value} for value in (0.1, 0.2, 0.3)]
    runs = [recall_run(tmp_path, "mf", seed=n, metrics=each) for n, each in enumerate(metrics)]
    (subject,) = each_label(runs)
    assert subject.value("recall@10") == pytest.approx(0.2)
    assert subject.interval("recall@10") == pytest.approx((0.1, 0.3))


def test_differences_from_a_baseline(tmp_path: Path) -> None:
    old = recall_run(tmp_path, "mf", A, run_id="old")
    new = recall_run(tmp_path, "mf", B, run_id="new")
    report = build_report([new], suite="x", baseline=read_baseline(old.path, {"ndcg@10": 0.01}))
    forest = of_baseline(report["baseline"], "ndcg@10")
    assert forest is not None
    assert (forest.base, forest.allowed) == ("the baseline", 0.01)
    (row,) = forest.rows
    same = read_forest(each_run([old, new])).rows[0]
    assert row.delta == pytest.approx(same.delta)
    assert (row.interval, row.p_value) == (same.interval, same.p_value)
    assert of_baseline(report["baseline"], "coverage@10") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.pdf", "--plot a.pdf: unknown ending\nvalid: .png, .svg"),
        ("forest=a", "--plot forest=a: unknown ending"),
        ("forrest=a.png", "unknown kind of picture 'forrest'\ndid you mean 'forest'"),
        ("gone/a.svg", "--plot gone/a.svg: there is no folder gone\nmake it first"),
        ("groups=d.svg", "--plot groups=d.svg: this is a folder"),
        (f"{'x' * 300}.svg", "File name too long"),
    ],
)
def test_what_is_no_picture_is_said(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.svg").mkdir()
    with pytest.raises(InputError) as caught:
        parse_plots([text])
    assert said in str(caught.value)


def test_a_file_is_one_picture() -> None:
    with pytest.raises(InputError, match=r"--plot a\.svg: named twice"):
        parse_plots(["a.svg", "recall=a.svg"])


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError) as caught:
        parse_plots(["a.svg"])
    assert str(caught.value).splitlines() == [
        "pictures need the package matplotlib, which is not installed",
        "pip install 'recsys-workbench[plots]'",
    ]


def test_a_page_without_matplotlib_says_how_to_get_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = recall_run(tmp_path, "a")
    html = to_html(build_report([run], suite="x"), [run])
    assert "Without more pictures: pictures need the package matplotlib" in html
    assert 'class="picture"' not in html


def test_names_move_apart_no_further_than_they_must() -> None:
    assert drawing.apart([0.5, 0.5, 0.5], 0.2) == [0.3, 0.5, 0.7]
    assert drawing.apart([0.9, 0.0, 0.8], 0.2) == [0.95, 0.0, 0.75]


def test_lines_differ_without_colour() -> None:
    looks = [drawing.look(place) for place in range(12)]
    hollow = [look["markerfacecolor"] == "white" for look in looks]
    shapes = {(look["marker"], empty) for look, empty in zip(looks, hollow, strict=True)}
    assert len(shapes) == 12
