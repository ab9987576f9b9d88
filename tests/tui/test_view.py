"""What the screens show, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from recsys_core.errors import InputError
from tests.tui.data_sets import small_catalogue
from tests.workbench.films import prepare_films, write_list_run
from workbench.store.listing import Progress, RunSummary
from workbench.store.users import Browse
from workbench.store.users_inspect import explained, inspect
from workbench.tui.view import chart
from workbench.tui.view import format as show
from workbench.tui.view.choices import Options
from workbench.tui.view.columns import metric_names
from workbench.tui.view.compare import best_runs, comparable, difference
from workbench.tui.view.data_parts import protocol_table
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.runs_table import lay_out
from workbench.tui.view.table import Head, NumberKeys, Table, end_of, progress_text
from workbench.tui.view.texts import as_csv, as_markdown
from workbench.tui.view.user_reasons import genre_section, why_section
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.grid_cells import fit

RUN = RunSummary(
    "r1",
    Path("runs"),
    state="succeeded",
    label="mf-bpr",
    model="mf",
    stage="recall",
    dataset="ml-100k",
    protocol="user-timeline",
    split_fingerprint="s1",
    params={"factors": 64, "loss": "bpr"},
    metrics={"ndcg@10": 0.25},
)


def other(run_id: str, **changes: object) -> RunSummary:
    return replace(RUN, run_id=run_id, **changes)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 50), unique=True), st.integers(0, 50))
def test_keys_that_are_numbers_are_as_if_written(numbers: list[int], number: int) -> None:
    keys, written = NumberKeys(numbers), [str(number) for number in numbers]
    assert list(keys) == keys[:] == written
    assert (str(number) in keys) == (number in numbers)
    assert [keys.index(key) for key in written] == list(range(len(numbers)))
    assert "elsewhere" not in keys


def test_metrics_stand_most_useful_first_main_cutoff_before_others() -> None:
    names = ["gini@10", "recall@50", "ndcg@50", "auc", "recall@10", "ndcg@10", "logloss", "own"]
    run = other("a", metrics=dict.fromkeys(names, 0.5))
    assert metric_names([run]) == [
        *("ndcg@10", "recall@10", "auc", "logloss", "gini@10", "own"),
        *("ndcg@50", "recall@50"),
    ], "metrics of lists together, then those of rows"
    rows = other("b", metrics={"auc": 0.5})
    assert metric_names([run, rows])[:2] == ["auc", "logloss"], "which stand first where most are"
    run = other("a", metrics={"ndcg@20": 1.0, "ndcg@5": 1.0})
    assert metric_names([run]) == ["ndcg@5", "ndcg@20"], "without 10 the smallest is the main one"


def test_recall_of_strata_stands_behind_the_metrics_of_all_items() -> None:
    names = ["recall/head@10", "recall/tail@10", "recall@10", "ndcg@10", "gini@10", "auc/love"]
    run = other("a", metrics=dict.fromkeys([*names, "auc"], 0.5))
    assert metric_names([run]) == [
        *("ndcg@10", "recall@10", "auc", "auc/love", "gini@10"),
        *("recall/head@10", "recall/tail@10"),
    ]


def test_only_runs_of_one_split_compete() -> None:
    runs = [
        other("a", metrics={"ndcg@10": 0.2, "logloss": 0.4}),
        other("b", metrics={"ndcg@10": 0.3, "logloss": 0.5}),
        other("c", metrics={"ndcg@10": 0.3}),
        other("d", metrics={"ndcg@10": 0.9}, split_fingerprint="s2"),
        other("e", metrics={"ndcg@10": 0.95}, split_fingerprint=""),
    ]
    # b and c tie; the smaller log loss is better; d is alone in its split; e's split is unknown
    assert best_runs(runs) == {("b", "ndcg@10"), ("c", "ndcg@10"), ("a", "logloss")}
    assert not comparable(runs[4], runs[4])


@pytest.mark.parametrize(
    ("metric", "value", "base", "percent", "text", "style"),
    [
        ("ndcg@10", 0.30, 0.25, False, "▲ +0.0500", "better"),
        ("ndcg@10", 0.30, 0.25, True, "▲ +20.0%", "better"),
        ("logloss", 0.30, 0.25, False, "▼ +0.0500", "worse"),
        ("logloss", 0.20, 0.25, False, "▲ -0.0500", "better"),
        ("auc", 0.80004, 0.80, False, "= +0.0000", "muted"),
        ("hit@10", 0.1, 0.0, True, "▲ -", "better"),
    ],
)
def test_differences(
    metric: str, value: float, base: float, percent: bool, text: str, style: str
) -> None:
    found = difference(
        other("a", metrics={metric: value}),
        other("b", metrics={metric: base}),
        metric,
        percent=percent,
    )
    assert found is not None
    assert (found.text, found.style) == (text, style)


def test_no_difference_where_a_metric_is_missing() -> None:
    assert difference(other("a", metrics={}), RUN, "ndcg@10", percent=False) is None


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("MF", True),
        ("mf timeline", True),
        ("mf ml-1m", False),
        ("model:mf", True),
        ("data:ml-100k -data:ml-1m", True),  # as the column is called
        ("model:bpr", False),
        ("state:done", True),
        ("state:succeeded", True),
        ("ndcg@10>.2", True),
        ("ndcg@10>=.25 ndcg@10<=.25 ndcg@10=.25", True),
        ("ndcg@10<.25", False),
        ("auc>0", False),
        ("factors>=64", True),
        ("loss>1", False),
        ("seed=0 fit>1", False),
        ("-fit>1", True),
        ("-model:mf", False),
        ("-ease -state:failed", True),
        ("-", True),
        ("tag:pap", True),
        ("tag:other", False),
        ("paper", True),
        ('note:"a second" "second try"', True),
        ('"try second"', False),
        ("loss:bpr", True),
        ("-loss:bpr", False),
        ("model:ease OR model:mf", True),
        ("mf ndcg@10>.3 | ease OR label:bpr", True),
        ("mf ndcg@10>.3 | ease", False),
        ("ndcg@10!=.25", False),
    ],
)
def test_filter(text: str, passes: bool) -> None:
    run = replace(RUN, annotations={"tags": ["paper"], "note": "A second try"})
    assert parse_filter(text, lambda: ["ndcg@10", "auc", "factors", "loss"])(run) is passes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modl:x", "unknown field 'modl'"),
        ("ndcg@10>", "'ndcg@10>' wants a number, got ''"),
        ("auc<high", "wants a number, got 'high'"),
        ("ndgc@10>.2", r"unknown metric or setting 'ndgc@10'.*did you mean 'ndcg@10'"),
        ("factor:64", r"did you mean 'factors'"),
        ("model:mf OR", "OR wants a test on either side"),
        ("| mf", "OR wants a test on either side"),
    ],
)
def test_a_wrong_filter(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        parse_filter(text, lambda: ["ndcg@10", "auc", "factors", "loss"])


@given(st.text(max_size=30))
def test_any_filter_parses_or_is_explained(text: str) -> None:
    try:
        passes = parse_filter(text)(RUN)
    except InputError:
        return
    assert passes in (True, False)


def build_table(
    runs: list[RunSummary], options: Options, passes: Filter, width: int
) -> tuple[Table, list[RunSummary]]:
    layout = lay_out(runs, options, passes, width)
    return layout.table, layout.runs


def titles(runs: list[RunSummary], options: Options = Options(), width: int = 200) -> list[str]:  # noqa: B008
    table, _ = build_table(runs, options, Filter(), width)
    return [head.title for head in table.heads[2:]]


def test_a_narrow_table_begins_with_metrics_a_wide_one_with_what_runs_are() -> None:
    runs = [RUN]
    assert titles(runs) == ["run", "model", "data", "protocol", "seed", "ndcg@10", "fit", "made"]
    assert titles(runs, width=80)[:2] == ["run", "ndcg@10"]
    runs = [RUN, other("b", dataset="ml-1m")]
    assert titles(runs, width=80)[:3] == ["run", "data", "ndcg@10"]


def test_a_narrow_table_tells_runs_of_one_name_apart() -> None:
    long = "a-loss-with-a-very-long-name"  # 28 cells: more than a quarter of 80
    runs = [RUN, other("b", seed=1), other("c", params={"factors": 8, "loss": long})]
    assert titles(runs, width=80)[:4] == ["run", "seed", "factors", "ndcg@10"]
    assert titles([RUN, other("b", label="b", seed=1)], width=80)[:2] == ["run", "ndcg@10"]


def test_a_bound_takes_all_seeds_of_a_row_or_none() -> None:
    runs = [other("a", metrics={"ndcg@10": 0.3}), other("b", seed=1, metrics={"ndcg@10": 0.1})]
    options = Options(fold_seeds=True)  # their mean is (.3 + .1) / 2 = .2

    def folds(text: str) -> list[tuple[str, ...]]:
        found = lay_out(runs, options, parse_filter(text), 200).folds.values()
        return [tuple(run.run_id for run in fold.members) for fold in found]

    assert folds("ndcg@10>.25") == []
    assert folds("ndcg@10>.15") == [("a", "b")]
    assert folds("seed:1") == [("b",)]


@pytest.mark.parametrize(
    ("state", "reason", "text"),
    [
        ("failed", "out of memory", "failed: out of memory"),
        ("cancelled", "cancelled while it ran", "cancelled while it ran"),
        ("interrupted", "", "interrupted"),
    ],
)
def test_why_a_run_has_no_result_is_said_once(state: str, reason: str, text: str) -> None:
    assert end_of(other("a", state=state, reason=reason)) == text


def test_parameters_that_differ_within_a_model_are_columns() -> None:
    runs = [
        RUN,
        other("b", params={"factors": 128, "loss": "bpr"}),
        other("c", model="ease", params={"factors": 1, "regularisation": 2.0}),
    ]
    found = titles(runs)
    assert "factors" in found
    assert not {"loss", "regularisation"} & set(found)


def test_the_model_is_no_column_where_it_is_every_label() -> None:
    assert "model" not in titles([other("a", label="mf")])


def test_sorting_puts_runs_without_a_value_last_either_way() -> None:
    runs = [
        other("a", metrics={}),
        other("b", metrics={"auc": 0.7}),
        other("c", metrics={"auc": 0.8}),
    ]
    for descending, order in ((False, "bca"), (True, "cba")):
        _, shown = build_table(runs, Options(sort=("auc", descending)), Filter(), 120)
        assert "".join(run.run_id for run in shown) == order


def test_a_baseline_that_is_gone_compares_nothing() -> None:
    table, _ = build_table([RUN], Options(baseline="gone", mode="delta"), Filter(), 80)
    assert table.rows[0].cells[3].text == "0.2500 "


def test_texts() -> None:
    runs = [other("a", label="a|b"), other("b", state="failed", reason="no\nmemory", metrics={})]
    table, _ = build_table(runs, Options(), Filter(), 80)
    markdown = as_markdown(table).splitlines()
    assert markdown[2].startswith(r"|  | ✔ | a\|b | 0.2500 |")
    assert r"failed: no\\nmemory" in markdown[3]
    assert as_csv(table).splitlines()[1].startswith(",✔,a|b,0.2500,")


def test_progress() -> None:
    progress = Progress("fit", 13, 20, {"loss": 0.412, "rows_per_second": 431022.0})
    run = other("a", state="running", progress=progress)
    # 13 / 20 of 12 cells: 7.8, so 7 and the eighth that is nearest to .8, which is 6 / 8
    assert progress_text(run) == "fit  ███████▊░░░░ 13/20  loss 0.4120  rows_per_second 431,022"
    assert progress_text(replace(run, progress=None)) == "starting"
    judged = replace(progress, stage="evaluate", total=None, message="evaluating mf")
    assert progress_text(replace(run, progress=judged)) == "evaluating", "once"


@pytest.mark.parametrize(("share", "text"), [(0, "    "), (0.5, "██  "), (1, "████"), (7, "████")])
def test_bar(share: float, text: str) -> None:
    assert show.bar(share, 4) == text


def test_line_of_two_points_is_a_diagonal() -> None:
    # 2 cells are 4 x 4 dots: (0, 3) (1, 2) (2, 1) (3, 0), counted from the top
    assert chart.draw_line([0.0, 1.0], 2, 1) == ["⡠⠊"]
    assert chart.draw_line([5.0], 2, 1) == ["⠤⠤"], "a constant runs through the middle"


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(4, 60),
    st.integers(1, 12),
)
def test_a_line_fills_its_box_without_gaps(values: list[float], width: int, height: int) -> None:
    lines = chart.draw_line(values, width, height)
    assert [len(line) for line in lines] == [width] * height
    assert all(any(line[x] != " " for line in lines) for x in range(width))


def test_the_column_cursor_waits_for_a_column_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A filter that is half typed leaves few columns: the cursor does not stay on one of them."""
    monkeypatch.setattr(Grid, "post_message", lambda *_: True)
    grid, key = Grid(), "auc"
    full, few = (
        Table(tuple(Head(name, name, 5) for name in names.split()), fixed=1, note_from=1)
        for names in ("run ndcg auc fit made", "run fit made")
    )

    def shown(table: Table) -> str:
        grid.show(table)
        return grid.table.heads[grid.cursor_column].key

    grid.show(full)
    grid.action_column(1)
    assert shown(full) == key
    assert shown(few) == "fit"
    assert shown(full) == key


@given(st.text(max_size=20), st.integers(0, 12), st.booleans())
def test_cells_are_cut_and_filled_to_their_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(text, width, right=right)) == width


def test_reasons_are_not_missing_while_they_are_looked_for(tmp_path: Path) -> None:
    prepare_films(tmp_path / "data")
    run = write_list_run(tmp_path, "item-cf", {0: ((3, 0.9),)})
    with Browse(tmp_path / "data", "films") as browse:
        seen = inspect(browse, browse.user(0), [run], 5)
        (listing,) = seen.listings
        section = str(why_section(seen, listing, listing.entries[0], 60))
        assert section.endswith("looking for reasons …")
        seen = explained(seen)
        (listing,) = seen.listings
        assert "Rated by the same users" in str(why_section(seen, listing, listing.entries[0], 60))


def test_genres_stand_below_the_names_of_their_lists(tmp_path: Path) -> None:
    prepare_films(tmp_path / "data")
    runs = [write_list_run(tmp_path, name, {0: ((3, 0.9), (2, 0.5))}) for name in ("one", "two")]
    with Browse(tmp_path / "data", "films") as browse:
        seen = inspect(browse, browse.user(0), runs, 5)
        head, *lines = genre_section(seen, seen.listings, 80).lines
    widths = [len(cell.text) for cell in head]
    assert len(widths) == 4
    assert all([len(cell.text) for cell in line] == widths for line in lines)


def test_protocols_say_what_a_set_lacks() -> None:
    protocols = small_catalogue().protocols

    def said(**has: bool) -> dict[str, str]:
        table = protocol_table(protocols, 100, **has)
        return {row.key: row.cells[1].text for row in table.rows}

    all_of_it = said(timed=True, parted=True)
    assert all_of_it["given"].startswith("▲ As given: which rows")
    assert all_of_it["global-timeline"] == "✔ nothing"
    bare = said(timed=False, parted=False)
    assert bare["given"] == "✖ needs the parts of a split, which this set has not"
    assert bare["global-timeline"] == "✖ needs times, which this set has not"
    assert bare["held-out-users"] == "▲ unknown: this set has no times"
