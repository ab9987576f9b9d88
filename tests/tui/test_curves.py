"""Curves: how they are drawn over each other, smoothed, and read while a job writes them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.folders import add_events, falling_curve, this_process, write_run
from workbench.store.listing import RunSummary, read_summary
from workbench.tui.view.chart import MARKERS, Axes, Series, draw_plot, smoothed
from workbench.tui.view.curve_runs import why_no_curve
from workbench.tui.view.detail import curve_section, read_files
from workbench.tui.view.live import (
    CurveReader,
    Curves,
    common_unit,
    curve_order,
    log_tail,
    reported,
)


def drawn(*series: Series, width: int = 40, height: int = 8, log: bool = False) -> list[str]:
    plot = draw_plot(series, width, height, Axes(log=log))
    return ["".join(piece.text for piece in line) for line in plot]


def test_both_lines_share_the_axes_and_end_in_their_markers() -> None:
    flat = Series([(1, 2.0), (10, 2.0)], 0)
    rising = Series([(1, 0.0), (5, 4.0)], 1)
    lines = drawn(flat, rising)
    assert lines[0].startswith("4┤")
    assert lines[5].startswith("0┤")
    assert lines[7].split() == ["2", "4", "6", "8", "10"]
    assert MARKERS[1] in lines[0]
    assert lines[0].endswith(" "), "the shorter one ends before"
    assert any(line.endswith(MARKERS[0]) for line in lines)


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm() -> None:
    # 1, 10, 100: evenly apart, so the middle one stands in the middle row
    lines = drawn(Series([(1, 1.0), (2, 10.0), (3, 100.0), (4, 0.0)]), height=7, log=True)
    assert lines[0].startswith("100┤")
    assert lines[4].startswith("  1┤")
    assert lines[6].split() == ["1", "2", "3"]


@pytest.mark.parametrize(("value", "text"), [(25.7, "25.7"), (98.0, "98"), (431_000.0, "431,000")])
def test_the_only_value_stands_at_its_axis_as_short_as_ticks_are(value: float, text: str) -> None:
    lines = drawn(Series([(1, value)]))
    assert [line.partition("┤")[0] for line in lines if "┤" in line] == [text]


def test_nothing_to_draw_is_blank() -> None:
    assert drawn(Series([]), Series([(1, float("nan"))]), width=5, height=2) == [" " * 5] * 2


def test_lines_differ_without_colours() -> None:
    points = [(float(x), 1.0) for x in range(200)]
    pictures = {tuple(drawn(Series(points, look), Series([], 0))) for look in range(4)}
    assert len(pictures) == 4


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6)), min_size=1, max_size=12),
    st.integers(14, 60),
    st.integers(3, 12),
    st.integers(0, 3),
)
def test_a_plot_fills_its_box(
    points: list[tuple[float, float]], width: int, height: int, look: int
) -> None:
    plot = draw_plot([Series(sorted(points), look)], width, height)
    assert len(plot) == height
    if width >= 24:  # room for labels of any length
        assert {sum(len(piece.text) for piece in line) for line in plot} == {width}


def test_smoothing_by_hand() -> None:
    # weights 1/4, 1/2, 1: (0 / 4 + 4 / 2 + 8) / 1.75 = 40 / 7
    points = [(1.0, 0.0), (2.0, 4.0), (3.0, 8.0)]
    assert smoothed(points, 0.5) == [(1.0, 0.0), (2.0, 4 / 1.5), (3.0, 10 / 1.75)]


def test_curves_are_read_on_and_begin_anew_with_the_job(tmp_path: Path) -> None:
    def epoch(step: int, **metrics: float) -> dict[str, Any]:
        return {"stage": "fit", "step": step, "total": 90, "metrics": metrics}

    first = [epoch(30, loss=3.0, auc=0.6), {"stage": "fit", "step": 31}, {"stage": "evaluate"}]
    folder = write_run(tmp_path, "mf", state="running", status=this_process(), events=first)
    reader, run = CurveReader(), read_summary(folder)
    curves = reader.refresh([run])[run.run_id]
    assert curves.series == {"loss": ((1, 3.0),), "auc": ((1, 0.6),)}
    assert reader.refresh([run])[run.run_id] is curves, "nothing new, nothing made"
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps(epoch(60, loss=2.0, auc=0.7)) + "\n" + '{"stage": "fi')
    curves = reader.refresh([run])[run.run_id]
    assert list(curves.series["loss"]) == [(1, 3.0), (2, 2.0)]
    assert curves.best == ("auc", 0.7)
    (folder / "events.jsonl").unlink()
    add_events(folder, epoch(30, loss=9.0))
    assert reader.refresh([run])[run.run_id].series == {"loss": ((1, 9.0),)}


def test_the_curve_of_a_finished_run_is_that_of_its_result(tmp_path: Path) -> None:
    run = read_summary(write_run(tmp_path, "mf", curve=falling_curve(3)))
    curves = CurveReader().refresh([run])[run.run_id]
    assert curves.reports == 3
    assert [x for x, _ in curves.points("loss", "epoch")] == [1, 2, 3]


def reports(*steps: tuple[int, int | None]) -> list[dict[str, Any]]:
    return [
        {"stage": "fit", "step": step, "total": 300, "epoch": epoch, "metrics": {"loss": 1 / step}}
        for step, epoch in steps
    ]


def test_x_is_the_epoch_or_the_step_of_the_events_and_named_so(tmp_path: Path) -> None:
    curve = [{"loss": 1 / step} for step in (25, 50, 150)]
    steps = reports((25, None), (50, None), (150, None))
    both = reports((25, 1), (50, 2), (150, 6))
    for number, (events, ticks) in enumerate(
        ((steps, "40 60 80 100 120 step"), (both, "1 2 3 4 5 epoch"))
    ):
        folder = write_run(tmp_path, f"mf{number}", number=number, curve=curve, events=events)
        section = curve_section(read_files(read_summary(folder)), 60)
        assert section is not None
        assert " ".join(str(section).splitlines()[-1].split()) == ticks


def test_curves_over_each_other_count_in_what_all_of_them_know(tmp_path: Path) -> None:
    runs = [
        read_summary(write_run(tmp_path, f"mf{n}", number=n, state="failed", events=events))
        for n, events in enumerate(
            (reports((25, 1), (50, 2)), reports((10, 1), (20, 2), (30, 3)), reports((100, None)))
        )
    ]
    curves = list(CurveReader().refresh(runs).values())
    assert common_unit(curves[:2]) == "epoch"
    assert common_unit([*curves, Curves()]) == "step", "the third does not say its epochs"
    assert [[x for x, _ in one.points("loss", "step")] for one in curves] == [
        *([25, 50], [10, 20, 30], [100]),
    ]


def test_a_job_that_goes_back_makes_its_reports_again(tmp_path: Path) -> None:
    remark = {"stage": "fit", "metrics": {"index_recall@10": 0.9}, "message": "the index"}
    events = [*reports((10, 1), (20, 2), (30, 3), (15, 1)), remark]
    run = read_summary(write_run(tmp_path, "mf", state="failed", events=events))
    curves = reported(run)
    assert curves.points("loss", "step") == [(10, 1 / 10), (15, 1 / 15)]
    assert list(curves.series) == ["loss"], "a remark has no place on x"


def test_a_lower_log_loss_is_the_better_one(tmp_path: Path) -> None:
    events = [
        {"stage": "fit", "step": n, "metrics": {"loss": 1.0, "logloss": value}}
        for n, value in enumerate((0.5, 0.4, 0.45), 1)
    ]
    folder = write_run(tmp_path, "lr", state="running", status=this_process(), events=events)
    run = read_summary(folder)
    assert CurveReader().refresh([run])[run.run_id].best == ("logloss", 0.4)


def test_the_loss_comes_first_then_what_says_most() -> None:
    names = ["other", "recall@10", "logloss", "loss", "ndcg@10"]
    assert sorted(names, key=curve_order) == ["loss", "ndcg@10", "recall@10", "logloss", "other"]


def test_the_end_of_a_log_is_whole_lines(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mf", state="failed")
    run = read_summary(folder)
    assert log_tail(run) == ""
    (folder / "log.txt").write_text("first line\nsecond line\nthird\n")
    assert log_tail(run, size=10) == "third\n", "the second line is cut, so it is left out"


def test_why_there_is_no_curve_is_said_of_what_is_known(tmp_path: Path) -> None:
    def run(number: int, model: str, state: str = "succeeded", **params: int) -> RunSummary:
        folder = write_run(tmp_path, model, number=number, state=state, params=params)
        return read_summary(folder)

    mf, ease = run(1, "mf", epochs=20), run(2, "ease")
    assert why_no_curve([mf], []) == "no curve was kept"
    assert why_no_curve([ease], []) == "no curve: not trained in epochs"
    waiting = run(3, "mf", "queued"), run(4, "ease", "queued"), run(5, "dssm", "queued")
    assert why_no_curve(waiting[:1], [mf, ease]) == "no curve yet"
    assert why_no_curve(waiting[1:2], [mf, ease]) == "no curve: not trained in epochs"
    assert why_no_curve(waiting[2:], [mf, ease]).startswith("no curve yet; a model that is not")
    failed = run(6, "ease", "failed"), run(7, "mf", "failed")
    assert why_no_curve(failed[:1], [ease]) == "no curve: not trained in epochs"
    assert why_no_curve(failed[1:], [mf]) == "no curve: failed before the first epoch ended"
    (mf.folder / "metrics.json").write_text("{")
    assert why_no_curve([read_summary(mf.folder)], []) == "no curve: damaged files"
    scores = replace(mf, origin="external", params={})
    assert why_no_curve([scores], [mf]) == "no curve: not trained here"
