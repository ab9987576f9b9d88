"""What the charts of curves show: the kept epoch, a cursor, seeds in a band, what a job uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tui.folders import START, add_events, this_process, write_run
from tests.tui.test_view import RUN
from workbench.store.listing import RunSummary, read_summary
from workbench.tui.view.chart import KEPT, Axes, Series, draw_plot, x_of
from workbench.tui.view.curve_points import seeds_band, value_at
from workbench.tui.view.curve_runs import Drawn, drawn_of, marked_epoch, same_job
from workbench.tui.view.curves import Charts, CurveOptions
from workbench.tui.view.live import CurveReader, Curves


def curves(ndcg: Sequence[float], **more: Any) -> Curves:
    """A report per epoch, ten steps and four seconds apart."""
    numbers = range(1, len(ndcg) + 1)
    return Curves(
        len(ndcg),
        {"ndcg@10": tuple((float(n), y) for n, y in zip(numbers, ndcg, strict=True))},
        {"epoch": tuple(numbers), "step": tuple(10 * n for n in numbers)},
        {"cpu_percent": tuple((4.0 * n, 100.0 + n) for n in numbers)},
        tuple(4.0 * n for n in numbers),
        **more,
    )


def charts(*each: Curves, cursor: float | None = None, seeds: bool = False) -> Charts:
    """Charts of some runs, or of one whose seeds they are."""
    members = [each] if seeds else [(one,) for one in each]
    drawn = [Drawn(RUN, found) for found in members]
    return Charts(drawn, CurveOptions(seeds=seeds), cursor)


def title(shown: Charts, name: str) -> str:
    return "".join(piece.text for piece in shown.chart(name).title)


def legend(shown: Charts) -> str:
    return "".join(piece.text for piece in shown.legend())


def test_three_seeds_by_hand() -> None:
    lines = [[(1.0, 0.1), (2.0, 0.4)], [(1.0, 0.2), (2.0, 0.5)], [(1.0, 0.6)]]
    mean, band = seeds_band(lines)
    assert [y for _, y in mean] == pytest.approx([0.3, 0.45])
    assert band == [(1, 0.1, 0.6), (2, 0.4, 0.5)], "who ended early does not count any more"
    three = [curves([0.1, 0.4]), curves([0.2, 0.5]), curves([0.6])]
    shown = charts(*three, cursor=1, seeds=True)
    assert title(shown, "ndcg@10") == "ndcg@10  0.3000 [0.1000, 0.6000]"
    assert "(mean of 3 seeds)" in legend(shown)
    assert "band: least to greatest of the seeds" in legend(shown)
    assert KEPT not in legend(shown), "each seed keeps another epoch"
    band_drawn = shown.chart("ndcg@10").series[0]
    alone = draw_plot([replace(band_drawn, band=())], 40, 8)
    filled = draw_plot([band_drawn], 40, 8)
    assert filled != alone, "seen without colours, too"


def test_seeds_are_of_one_job_and_the_newest_stands_for_its_seed() -> None:
    def run(run_id: str, seed: int, **more: Any) -> RunSummary:
        return replace(RUN, run_id=run_id, seed=seed, **more)

    first = run("a", 0)
    others = [
        run("b", 1),
        run("c", 1),
        run("d", 2, params={**RUN.params, "dim": 9}),
        run("e", 3, split_fingerprint="another"),
        run("f", 4, state="running"),
        first,
    ]
    assert [found.run_id for found in same_job(first, others)] == ["a", "b"]
    found = drawn_of([first, others[0]], {"a": curves([0.1]), "b": curves([0.2])})
    assert len(found) == 2
    seeds = {"a": [first, others[0]], "b": [others[0], first]}
    one = drawn_of([first, others[0]], {"a": curves([0.1]), "b": curves([0.2])}, seeds)
    assert [len(each.members) for each in one] == [2], "they are one line, drawn once"


def test_what_only_other_seeds_use_has_no_empty_chart() -> None:
    """The first one ended before its memory was measured."""
    other = replace(curves([0.2, 0.5]), usage={"rss_mb": ((4.0, 90.0), (8.0, 91.0))})
    first = replace(other, usage={"cpu_percent": ((4.0, 50.0),)})
    assert charts(first, other, seeds=True).names == ["ndcg@10", "cpu_percent"]
    assert charts(first, other).names == ["ndcg@10", "cpu_percent", "rss_mb"]


def test_values_are_those_at_the_cursor_or_the_last_before_it() -> None:
    points = [(2.0, 0.5), (4.0, 0.25)]
    assert [value_at(points, x) for x in (1, 2, 3, 4, 5)] == [None, 0.5, 0.5, 0.25, None]
    shown = charts(curves([0.1, 0.3, 0.2]), curves([0.15]), cursor=3)
    assert title(shown, "ndcg@10") == "ndcg@10  ●0.2000  ▲-"
    assert title(shown, "cpu_percent") == "CPU %  ●103  ▲-"
    assert shown.chart("cpu_percent").axes.cursor == 12.0, "where the third report was made"
    assert "│ epoch 3" in legend(shown)
    assert title(charts(curves([0.1])), "ndcg@10") == "ndcg@10 (validation)"


def test_the_cursor_goes_from_report_to_report_and_over_many_by_columns() -> None:
    short = charts(curves([0.1, 0.2, 0.3]))
    assert short.moved(1, 60) == 1
    assert short.moved(-1, 60) == 3
    assert [charts(curves([0.1, 0.2, 0.3]), cursor=2).moved(step, 60) for step in (1, -1)] == [3, 1]
    ends = charts(curves([0.1, 0.2, 0.3]), cursor=3), charts(curves([0.1, 0.2]), cursor=1)
    assert (ends[0].moved(1, 60), ends[1].moved(-1, 60)) == (3, 1)
    many = charts(curves([0.1] * 1001), cursor=1)
    assert many.moved(1, 100) == 11, "a hundredth of the range, which is seen"
    assert charts(curves([0.1, 0.2]), cursor=999).cursor == 2, "what is gone is not pointed at"


def test_a_click_puts_it_where_the_mouse_is() -> None:
    series = [Series([(0.0, 1.0), (10.0, 2.0)])]
    axes = Axes(span=(0.0, 10.0))
    lines = draw_plot(series, 24, 6, axes)
    margin = len(lines[0][0].text)
    found = [x_of(column, lines, series, axes) for column in (margin - 1, margin, 23)]
    assert found == [None, 0.0, 10.0]
    shown = charts(curves([0.1, 0.3, 0.2]))
    assert shown.position("ndcg@10", 2.2) == 2.2
    assert shown.position("cpu_percent", 9.0) == 2, "the report that had been made by then"


def test_the_epoch_that_is_kept() -> None:
    told = curves([0.1, 0.3, 0.3, 0.2])
    live = replace(RUN, state="running")
    assert marked_epoch(live, told) == 2, "the first of equal ones is the best so far"
    assert marked_epoch(RUN, told) is None, "the run does not say that any was chosen"
    assert marked_epoch(RUN, replace(told, chosen=4)) == 4
    assert marked_epoch(RUN, replace(told, chosen=9)) is None
    losses = replace(told, series={**told.series, "logloss": told.series["ndcg@10"]})
    watched = replace(live, params={"monitor": "logloss"})
    assert marked_epoch(watched, losses) == 1, "a lower loss is better"
    shown = Charts([Drawn(RUN, (replace(told, chosen=2),))], CurveOptions())
    chart = shown.chart("ndcg@10")
    plot = draw_plot(chart.series, 40, 8, chart.axes)
    assert sum(piece.text.count(KEPT) for line in plot for piece in line) == 1
    assert f"{KEPT} kept: epoch 2" in legend(shown)


def test_all_charts_of_what_was_learned_have_the_same_x() -> None:
    told = curves([0.1, 0.3, 0.2])
    late = replace(told, series={**told.series, "loss": ((3.0, 0.5),)})
    shown = charts(late)
    assert shown.names == ["loss", "ndcg@10", "cpu_percent"]
    assert {shown.chart(name).axes.span for name in shown.names[:2]} == {(1, 3)}


def used(seconds: float, **values: Any) -> dict[str, Any]:
    return {"time": START + seconds, "stage": "fit", "step": 5, "metrics": {}, "usage": values}


def report(seconds: float, step: int, **metrics: Any) -> dict[str, Any]:
    return {
        "time": START + seconds,
        "stage": "fit",
        "step": step,
        "total": 90,
        "epoch": step // 10,
        "metrics": metrics,
    }


def test_what_a_job_uses_is_drawn_over_its_time_and_a_resumed_one_goes_on(tmp_path: Path) -> None:
    events = [
        report(0, 10, loss=3.0, rows_per_second=500.0),
        used(2, cpu_percent=150.0, memory_mb=300.0),
        report(4, 20, loss=2.0, rows_per_second=700.0),
    ]
    folder = write_run(tmp_path, "mf", state="running", status=this_process(), events=events)
    reader, run = CurveReader(), read_summary(folder)
    first = reader.refresh([run])[run.run_id]
    assert first.usage == {
        "rows_per_second": ((0.0, 500.0), (4.0, 700.0)),
        "cpu_percent": ((2.0, 150.0),),
        "memory_mb": ((2.0, 300.0),),
    }
    # interrupted, and resumed an hour later at its first epoch
    add_events(folder, report(3604, 20, loss=1.5), used(3606, cpu_percent=90.0), report(3608, 30))
    joined = reader.refresh([run])[run.run_id]
    assert joined.points("loss", "epoch") == [(1, 3.0), (2, 1.5)]
    assert joined.usage["cpu_percent"] == ((2.0, 150.0), (6.0, 90.0)), "the hour is left out"
    assert joined.times == (0.0, 4.0)
    shown = Charts([Drawn(run, (joined,))], CurveOptions())
    assert shown.names == ["loss", "rows_per_second", "cpu_percent", "memory_mb"]
    axes = shown.chart("cpu_percent").axes
    assert (axes.unit, axes.span) == ("s", (0.0, 6.0))


def test_values_that_are_no_numbers_leave_gaps(tmp_path: Path) -> None:
    nothing = report(2, 20, loss=None)
    events = [report(0, 10, loss=1.0), nothing, used(3, memory_mb=None), report(4, 30, loss=0.5)]
    folder = write_run(tmp_path, "mf", state="failed", events=events)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"stage": "fit", "step": 40, "total": 90, "metrics": {"loss": NaN}}\n')
        file.write('{"stage": "fit", "step": 50, "total": 90, "metrics": {"loss": 1e999}}\n')
    run = read_summary(folder)
    found = CurveReader().refresh([run])[run.run_id]
    assert found.points("loss", "epoch") == [(1, 1.0), (3, 0.5)]
    assert found.usage == {}
