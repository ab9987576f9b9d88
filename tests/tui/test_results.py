"""The table of runs: folds, headings, columns, published figures, significance, exports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.folders import recall_metrics, write_run
from tests.tui.session import session
from tests.tui.test_significance import write_users
from tests.tui.test_view import RUN, other
from workbench.store.annotations import Published, annotate
from workbench.store.listing import RunSummary
from workbench.tui.view.choices import MODES, Options
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.fold import Fold, fold_seeds
from workbench.tui.view.result import Against, result_lines, result_title
from workbench.tui.view.runs_table import EVERYTHING, Layout, lay_out
from workbench.tui.view.runs_words import why_not
from workbench.tui.view.significance import PairedTests, Verdict
from workbench.tui.view.texts import as_csv, as_html, as_json, as_markdown


def layout(
    runs: list[RunSummary], *, tests: PairedTests | None = None, width: int = 200, **options: object
) -> Layout:
    return lay_out(runs, Options(**options), Filter(), width, tests)  # type: ignore[arg-type]


def column(found: Layout, key: str) -> list[str]:
    """The texts of a column."""
    place = [head.key for head in found.table.heads].index(key)
    return [row.cells[place].text for row in found.table.rows if row.cells]


def seed(number: int, value: float, **changes: object) -> RunSummary:
    metrics = {"ndcg@10": value}
    return other(f"r{number}", seed=number, metrics=metrics, **changes)


def test_seeds_fold_into_mean_and_sample_standard_deviation() -> None:
    found = layout([seed(0, 0.2), seed(1, 0.3), seed(2, 0.25)], fold_seeds=True)
    # mean .25; deviations -.05, .05, 0: variance (.0025 + .0025) / 2
    assert column(found, "ndcg@10") == ["0.2500 ±.0500"]
    assert column(found, "seed") == ["3 "]
    assert found.folds["r0"].spread == {"ndcg@10": pytest.approx(0.05)}


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "other"},
        {"params": {"factors": 128, "loss": "bpr"}},
        {"split_fingerprint": "s2"},
        {"split_fingerprint": ""},
        {"state": "failed"},
    ],
)
def test_what_differs_in_more_than_the_seed_stays_apart(changes: dict[str, object]) -> None:
    assert len(fold_seeds([seed(0, 0.2), seed(1, 0.3, **changes)])) == 2


def test_a_seed_that_ran_twice_makes_two_rows() -> None:
    newer, older = seed(0, 0.2), replace(seed(0, 0.4), run_id="r9")
    folds = fold_seeds([newer, seed(1, 0.3), older])
    assert [[run.run_id for run in fold.members] for fold in folds] == [["r0", "r1"], ["r9"]]


def test_a_metric_that_one_seed_lacks_is_not_averaged() -> None:
    [fold] = fold_seeds([seed(0, 0.2), other("r1", seed=1, metrics={"auc": 0.5})])
    assert fold.run.metrics == {}


def test_the_baseline_is_a_fold_too() -> None:
    base = [seed(0, 0.2, label="a"), seed(1, 0.3, label="a")]
    runs = [*base, seed(2, 0.35), seed(3, 0.45)]
    found = layout(runs, fold_seeds=True, baseline="r1", mode="delta")
    assert column(found, "mark") == ["⚑", ""]
    assert column(found, "ndcg@10") == ["0.2500 ", "▲ +0.1500 "]  # .4 - .25
    assert list(found.comparisons) == [(("r2", "r3"), ("r0", "r1"))]


def test_only_marked_keeps_the_whole_fold_of_the_baseline() -> None:
    runs = [seed(0, 0.2), seed(1, 0.3), seed(2, 0.4, label="b")]
    found = layout(runs, fold_seeds=True, baseline="r1", only_marked=True, marked=frozenset({"r2"}))
    assert [len(fold.members) for fold in found.folds.values()] == [2, 1]


def test_differences_are_marked_once_all_are_tested() -> None:
    runs = [seed(0, 0.2), seed(1, 0.3), seed(2, 0.1)]
    tests = PairedTests()

    def differences() -> list[str]:
        found = layout(runs, tests=tests, baseline="r0", mode="delta")
        return column(found, "ndcg@10")[1:]

    tests.known[(("r1",), ("r0",))] = {"ndcg@10": Verdict(0.02, (0.0, 0.2))}
    assert differences() == ["▲ +0.1000 ", "▼ -0.1000 "]
    tests.known[(("r2",), ("r0",))] = {"ndcg@10": Verdict(0.3, (-0.2, 0.0))}
    # Holm: .02 times 2 is below .05, .3 is not
    assert differences() == ["▲ +0.1000*", "▼ -0.1000~"]
    tests.known[(("r1",), ("r0",))] = {"ndcg@10": Verdict(0.03, (0.0, 0.2))}
    assert differences() == ["▲ +0.1000~", "▼ -0.1000~"], ".03 times 2 is not"


def test_a_filter_makes_nothing_significant() -> None:
    """The family is all that may be compared, whichever of it is shown."""
    runs = [
        seed(0, 0.2),
        *(seed(n, 0.2 + n / 10, label="mf" if n < 3 else "zed") for n in (1, 2, 3)),
    ]
    tests = PairedTests()
    for n in (1, 2, 3):
        tests.known[(f"r{n}",), ("r0",)] = {"ndcg@10": Verdict(0.02, (0.0, 0.2))}
    options = Options(baseline="r0", mode="delta")
    for chosen in (options, replace(options, only_marked=True, marked=frozenset({"r3"}))):
        found = lay_out(runs, chosen, parse_filter("label:zed"), 200, tests)
        (pair,) = [pair for pair in found.comparisons if pair[0] == ("r3",)]
        assert len(found.comparisons) == 3
        verdict = found.tested[pair]["ndcg@10"]
        assert verdict is not None
        assert verdict.p_value == pytest.approx(3 * 0.02)
        assert column(found, "ndcg@10")[-1] == "▲ +0.3000~"
    folded = replace(options, baseline="r3", fold_seeds=True)
    pairs = [ours for ours, _ in lay_out(runs, folded, parse_filter("seed:1"), 200).comparisons]
    assert pairs == [("r0",), ("r1",)], "a seed that is left stands for its row"


def test_a_run_alone_says_of_a_difference_what_the_table_says() -> None:
    """.0035 that may be chance is grey, with its interval and its corrected p; .1 is not."""
    metrics = {"ndcg@10": 0.2035, "recall@10": 0.4, "coverage@10": 0.5}
    run = other("r1", metrics=metrics, ci95={"ndcg@10": (0.19, 0.21)})
    base = other("r0", metrics={"ndcg@10": 0.2, "recall@10": 0.3, "coverage@10": 0.4})
    tested = {
        "ndcg@10": Verdict(0.7, (-0.001, 0.008)),
        "recall@10": Verdict(0.0004, (0.05, 0.15)),
    }
    against = Against(base, tested, 34)
    assert result_title(run, against) == "Result, against mf-bpr (Holm over 34 runs)"
    lines = [
        tuple(cell for cell in line if cell.text.strip()) for line in result_lines(run, against, 62)
    ]
    texts = [" ".join("".join(cell.text for cell in line).split()) for line in lines]
    assert texts == [
        "value difference its 95 % interval p",
        "ndcg@10 0.2035 ▲ +0.0035~ -0.0010 to +0.0080 0.700",
        "recall@10 0.4000 ▲ +0.1000* +0.0500 to +0.1500 < .001",
        "coverage@10 0.5000 ▲ +0.1000",
    ]
    assert [line[2].style for line in lines[1:]] == ["muted", "better", "better"]
    assert all(len("".join(cell.text for cell in line)) <= 62 for line in lines)
    assert "0.1900 to 0.2100" in "".join(c.text for c in [*result_lines(run, against, 90)][1])
    assert result_title(run, Against(base)) == "Result, against mf-bpr (not tested)"
    waits = Against(base, family=34, testing=True)
    assert result_title(run, waits) == "Result, against mf-bpr (testing …)"
    folded = Against(base, seeds=3)
    assert result_title(run, folded) == "Result, against mf-bpr (one of 3 seeds)"
    elsewhere = Against(other("r0", metrics={"auc": 0.7}), seeds=3)
    assert result_title(run, elsewhere) == "Result, no metric in common with mf-bpr"
    first = next(result_lines(run, folded, 100))[0].text
    assert first == "The table tests the mean of the seeds; f there unfolds them."


def test_a_run_alone_says_that_an_old_run_gives_no_test() -> None:
    run = other("r1", stage="ranking", metrics={"logloss": 0.45, "auc": 0.7})
    base = other("r0", metrics={"logloss": 0.5, "auc": 0.7})
    lines = result_lines(run, Against(base, {"logloss": None}, 1), 72)
    texts = [" ".join("".join(cell.text for cell in line).split()) for line in lines]
    assert texts[1:3] == ["auc 0.7000 = +0.0000", "logloss 0.4500 ▲ -0.0500"], "neither * nor ~"
    assert " ".join(texts[3:]).startswith("logloss: the difference is not tested, because")
    assert max(map(len, texts)) <= 72


def test_runs_of_another_split_are_no_comparison() -> None:
    runs = [seed(0, 0.2), seed(1, 0.3, split_fingerprint="s2")]
    assert layout(runs, baseline="r0", mode="delta").comparisons == {}


def test_a_run_fitted_on_all_rows_is_marked_and_competes_with_nothing() -> None:
    refit = other("r2", label="mf-refit", metrics={}, refit_of="r0", split_fingerprint="all")
    found = layout([seed(0, 0.2), seed(1, 0.3), refit], baseline="r0", mode="delta")
    row = next(row for row in found.table.rows if row.key == "r2")
    assert row.cells[2].text == "mf-refit (all rows)"
    assert row.note is not None
    assert row.note.text == "fitted on all rows, as run r0: not judged"
    assert (
        why_not("baseline", refit) == "mf-refit (all rows) was not judged: a baseline needs metrics"
    )
    lines = ["".join(cell.text for cell in line) for line in result_lines(refit, Against(), 80)]
    assert [line.partition(" ")[2] for line in lines] == [row.note.text]
    assert '"refit_of": "r0"' in as_json([Fold(refit, (refit,))])


def test_published_figures_stand_behind_their_metric() -> None:
    said = {"published": {"ndcg@10": {"value": 0.2451, "source": "somebody"}}}
    runs = [seed(0, 0.2, annotations=said), seed(1, 0.3)]
    found = layout(runs)
    keys = [head.key for head in found.table.heads]
    assert keys[keys.index("ndcg@10") + 1] == "published ndcg@10"
    assert column(found, "published ndcg@10") == ["0.2451 ", "· "]
    assert "published" not in str(layout(runs, baseline="r0", mode="delta").table.heads)


def test_columns_that_were_taken_off_and_ordered() -> None:
    found = layout([RUN], hidden=frozenset({"seed", "gone"}), order=("fit", "ndcg@10"))
    keys = [head.key for head in found.table.heads]
    assert keys == ["mark", "state", "label", "fit", "ndcg@10", "model", "dataset", *keys[7:]]
    assert "seed" not in keys
    assert ("seed", "seed") in found.columns, "it can be put back"


def test_settings_do_not_push_metrics_out_of_sight() -> None:
    many = {f"a_long_setting_{n}": n for n in range(9)}
    runs = [other("a", params=many), other("b", params=dict.fromkeys(many, 0))]
    for width in (120, 200):
        heads = layout(runs, width=width).table.heads
        start = sum(head.width + 2 for head in heads[: [h.key for h in heads].index("ndcg@10")])
        assert start < 0.6 * width


def test_headings_by_stage() -> None:
    runs = [
        other("a", stage="ranking"),
        other("b", stage="", state="running", model="fm", metrics={}),
        other("c"),
        other("d", stage="", state="queued", metrics={}),
    ]
    found = layout(runs, by_stage=True)
    notes = [row.note.text for row in found.table.rows if not row.cells and row.note]
    # mf is known as a model of either stage: the one met last in the list counts
    assert notes == ["recall · 2", "ranking · 1", "stage not known yet · 1"]
    assert [key for key in found.table.keys if key] == ["c", "d", "a", "b"]
    markdown = as_markdown(found.table).splitlines()
    assert len({line.count("|") for line in markdown}) == 1
    assert len(as_csv(found.table).splitlines()) == 5


@settings(max_examples=40)
@given(
    st.builds(
        Options,
        filter_text=st.text(),
        sort=st.none() | st.tuples(st.text(), st.booleans()),
        marked=st.frozensets(st.text()),
        only_marked=st.booleans(),
        baseline=st.none() | st.text(),
        mode=st.sampled_from(MODES),
        hide_unchanged=st.booleans(),
        fold_seeds=st.booleans(),
        by_stage=st.booleans(),
        hidden=st.frozensets(st.text()),
        order=st.lists(st.text()).map(tuple),
    )
)
def test_choices_survive_json(options: Options) -> None:
    assert Options.parse(json.loads(json.dumps(options.plain()))) == options


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(list(Options().plain())), VALUES))
def test_choices_that_make_no_sense_are_left_out(values: dict[str, object]) -> None:
    options = Options.parse(values)
    assert Options.parse(options.plain()) == options


def test_html_shows_text_as_text() -> None:
    runs = [other("a", label="<b>x</b>"), other("b", metrics={}, state="failed", reason="<i>")]
    page = as_html(layout(runs).table, "a & b")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<p>a &amp; b</p>" in page
    assert "script" not in page
    assert page.count("<tr>") == 3


def test_csv_holds_no_formulas() -> None:
    table = layout([other("a", label="=1+1"), other("b", label="@x")]).table
    assert [line.split(",")[2] for line in as_csv(table).splitlines()[1:]] == ["'=1+1", "'@x"]


def test_json_of_folded_seeds_names_its_runs() -> None:
    folds: list[Fold] = fold_seeds([seed(0, 0.2), seed(1, 0.3)])
    [entry] = json.loads(as_json(folds))["runs"]
    assert (entry["run_ids"], entry["seeds"]) == (["r0", "r1"], [0, 1])
    assert entry["metrics"]["ndcg@10"] == 0.25
    assert entry["sd"]["ndcg@10"] == pytest.approx(0.0707, abs=1e-4)  # .1 / sqrt(2)


async def test_differences_are_tested_in_the_background(empty: Path) -> None:
    values = {"a": [0.1, 0.4, 0.2, 0.6, 0.3], "b": [0.2, 0.52, 0.31, 0.69, 0.42]}
    for number, (label, users) in enumerate(values.items()):
        folder = write_run(empty, label, number=number, metrics=recall_metrics(sum(users) / 5))
        write_users(folder, {"ndcg@10": users})
    async with session(empty) as s:
        await s.go_to("a")
        await s.press("b")
        await s.until(lambda: "▲ +0.1080*" in s.row("b"))  # .1 .12 .11 .09 .12
        assert "testing" not in s.text()
        await s.go_to("b")
        await s.press("enter")
        assert "▲ +0.1080*" in s.text()


async def test_detail_shows_published_figures_notes_and_files(empty: Path) -> None:
    folder = write_run(empty, "mf", metrics=recall_metrics(0.25))
    figure = Published(0.2451, "RecBole\x1b, general")
    annotate(folder, tags=("paper",), note="one\ntwo [x]", published={"ndcg@10": figure})
    async with session(empty, (200, 50)) as s:
        assert "published" in s.titles
        await s.press("enter")
        text = s.text()
        assert "0.2500  0.2380 to 0.2620  0.2451" in text
        assert r"published: RecBole\x1b, general" in text
        assert "tags  paper" in text
        assert "two [x]" in text
        assert "annotations.json" in text


def test_digests_of_scores_from_elsewhere_are_no_column() -> None:
    runs = [
        other(f"r{n}", origin="external", params={"file": f"{n}.csv", "content": n, "stage": stage})
        for n, stage in enumerate(("recall", "ranking"))
    ]
    keys = [head.key for head in layout(runs).table.heads]
    assert [key for key in keys if key.startswith("param ")] == ["param file"]


def test_what_differs_stands_first_and_what_is_the_same_is_away() -> None:
    runs = [
        other(f"r{n}", params={"dim": 2.0**n, "loss": "bpr" if n else "bce", "epochs": 9}, seed=1)
        for n in (0, 5, 4)
    ]
    metrics = {"ndcg@10": 0.2, "ndcg@20": 0.1, "auc": 0.7}
    runs[0] = replace(runs[0], metrics=metrics, annotations={"tags": ["paper"]})
    found = layout(runs)
    keys = [head.key for head in found.table.heads[3:]]
    assert keys == ["param dim", "param loss", "tags", "ndcg@10", "auc", "fit", "made"]
    assert column(found, "param dim") == ["1 ", "32 ", "16 "], "numbers, aligned as such"
    assert found.table.heads[3].right
    by_dim = layout(runs, sort=("param dim", False))
    assert column(by_dim, "param dim") == ["1 ", "16 ", "32 "], "and sorted as such"
    narrow = [head.key for head in layout(runs, width=80).table.heads[3:6]]
    assert narrow == ["param dim", "param loss", "tags"], "they have one name"
    at_20 = [head.key for head in layout(runs, cutoff=20).table.heads]
    assert at_20[at_20.index("ndcg@20") + 1] == "auc", "the order is that at the main K"
    every = [head.key for head in layout(runs, hide_unchanged=False).table.heads]
    assert {"dataset", "protocol", "seed"} <= set(every)


def test_an_export_has_its_columns_in_one_order_at_every_width() -> None:
    many = {f"a_long_setting_{n}": n for n in range(9)}
    runs = [other("a", params=many), other("b", params=dict.fromkeys(many, -1))]
    order = [head.key for head in layout(runs, width=EVERYTHING).table.heads]
    assert order[3:12] == sorted(f"param {name}" for name in many)
    assert order[12:] == ["ndcg@10", "fit", "made"]


def test_a_result_of_other_metrics_has_no_columns_of_differences() -> None:
    ranker = replace(RUN, run_id="r2", label="lr", stage="ranking", metrics={"auc": 0.75})
    assert result_title(ranker, Against(RUN)) == "Result, no metric in common with mf-bpr"
    lines = ["".join(cell.text for cell in line) for line in result_lines(ranker, Against(RUN), 80)]
    assert "difference" not in lines[0]
    waiting = replace(ranker, state="running", metrics={})
    assert result_title(waiting, Against(RUN)) == "Result, against mf-bpr (not tested)"
