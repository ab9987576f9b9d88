from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from recsys_core.pipeline.suites import Reference
from tests.reports.folders import DATASET, PROTOCOL, make_run, make_unfinished
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.compare import compare_runs
from workbench.reports.folder import read_report_run
from workbench.reports.gates import parse_gate
from workbench.reports.notes import notes
from workbench.reports.terminal import print_comparison, print_table
from workbench.reports.view import stage_tables
from workbench.store.text import width as cells

TOPK = ("ndcg", "recall", "hit", "mrr", "map", "precision", "coverage", "novelty", "gini")


def topk(value: float) -> dict[str, float]:
    return {f"{name}@{k}": value + k / 1000 for name in TOPK for k in (10, 20, 50)}


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    """Two recall labels of two seeds, a ranking run, a failed one, gates and baseline."""
    ci95 = {"ndcg@10": [0.2, 0.3], "auc": [0.7, 0.8]}
    folders = [
        make_run(tmp_path, label, seed=seed, metrics=topk(value + seed / 50), ci95=ci95)
        for label, value in (("popularity", 0.1), ("item-cf", 0.25))
        for seed in (0, 1)
    ]
    folders.append(
        make_run(tmp_path, "lr", stage="ranking", metrics={"auc": 0.75, "logloss": 0.5}, ci95=ci95)
    )
    folders.append(make_unfinished(tmp_path, "ease"))
    old = make_run(tmp_path, "item-cf", run_id="old", metrics={"ndcg@10": 0.3})
    return build_report(
        [read_report_run(path) for path in folders],
        suite="quick",
        references={
            "item-cf": {"ndcg@10": Reference(value=0.2389, source="RecBole", note="best of a grid")}
        },
        gates=[parse_gate("item-cf:ndcg@10>=0.25"), parse_gate("lr:auc>=0.8")],
        baseline=read_baseline(old, {"ndcg@10": 0.01}),
    )


def printed(show: Any, content: dict[str, Any], width: int, **options: Any) -> str:
    file = io.StringIO()
    show(content, Console(file=file, width=width, **options))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(report: dict[str, Any], width: int) -> None:
    assert max(cells(line) for line in printed(print_table, report, width).splitlines()) <= width


def test_published_figures_are_told_with_their_notes(report: dict[str, Any]) -> None:
    assert "Published figures: RecBole (best of a grid)." in printed(print_table, report, 120)


def test_what_80_columns_show(report: dict[str, Any]) -> None:
    lines = printed(print_table, report, 80).splitlines()
    recall = next(i for i, line in enumerate(lines) if line.startswith("Recall"))
    assert lines[recall + 1].split() == [
        "label",
        "ndcg@10",
        "published",
        "recall@10",
        "fit",
        "memory",
    ]
    # seeds .26 and .28 (value + 10 / 1000): mean 0.27, sd 0.02 / sqrt(2)
    assert lines[recall + 4].split() == [
        *("item-cf", "✦0.2700", "±0.0141", "0.2389", "✦0.2700", "±0.0141", "1.5", "s", "100", "MB")
    ]
    text = "\n".join(lines)
    assert "✗ failed" in text
    assert "Means over seeds 0, 1; ± is their standard deviation." in text
    assert "Leaks other users' future." in text
    assert "1 left out (no relevant test item)" in text
    assert "✦ best of its column." in text
    assert text.rstrip().endswith("✗ 1 of 6 runs without a result; 2 of 3 conditions not met.")


def test_ranking_and_recall_do_not_share_a_table(report: dict[str, Any]) -> None:
    lines = printed(print_table, report, 200).splitlines()
    recall, ranking = [line.split() for line in lines if line.startswith("label ")][:2]
    assert "recall@10" in recall
    assert "auc" not in recall
    assert "auc" in ranking
    assert "recall@10" not in ranking


def test_intervals_and_more_metrics_appear_with_room(report: dict[str, Any]) -> None:
    narrow, wide = (printed(print_table, report, width) for width in (60, 200))
    assert "map@10" not in narrow
    assert "map@10" in wide
    assert "[0.7000, 0.8000]" in wide


def test_gates_and_baseline_have_verdicts(report: dict[str, Any]) -> None:
    lines = printed(print_table, report, 100).splitlines()
    found = {line.split()[0]: line for line in lines if "met" in line}
    assert found["item-cf:ndcg@10>=0.25"].split()[1:] == ["0.2700", "✓", "met"]
    assert found["lr:auc>=0.8"].split()[1:] == ["0.7500", "✗", "not", "met"]
    assert found["item-cf"].split()[1:] == [
        *("ndcg@10", "0.2700", "0.3000", "-0.0300", "0.01", "—", "✗", "not", "met")
    ]


def test_a_pipe_gets_no_escape_sequences(report: dict[str, Any]) -> None:
    assert "\x1b" not in printed(print_table, report, 80)


def test_no_color_keeps_bold_and_drops_colour(report: dict[str, Any]) -> None:
    coloured = printed(print_table, report, 80, force_terminal=True, color_system="standard")
    bare = printed(
        print_table, report, 80, force_terminal=True, color_system="standard", no_color=True
    )
    assert "\x1b[1;32m" in coloured
    assert "\x1b[1m" in bare
    assert "\x1b[1;32m" not in bare
    assert "✦" in bare


def test_an_ascii_terminal_is_given_ascii(report: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding="ascii", errors="strict")
    print_table(report, Console(file=file, width=80))
    file.flush()
    text = buffer.getvalue().decode("ascii")
    assert "*0.2700 ~0.0141" in text
    assert "x not met" in text


def test_data_is_text_not_markup(tmp_path: Path) -> None:
    run = make_run(tmp_path, "x", dataset={**DATASET, "name": "[red]set[/red]\x1b[2J"})
    label = "[b]千と[/b]\x1b[31m\u202e"
    report = build_report([read_report_run(run, label=label)], suite="[blink]s")
    text = printed(print_table, report, 100, force_terminal=True, color_system=None)
    assert "[b]千と[/b]\\x1b[31m\\u202e" in text
    assert "[blink]s on [red]set[/red]\\x1b[2J" in text
    assert {"\x1b", "\u202e"}.isdisjoint(text)


def test_synthetic_data_is_flagged(tmp_path: Path) -> None:
    run = make_run(tmp_path, "x", dataset={**DATASET, "synthetic": True})
    report = build_report([read_report_run(run)], suite="quick")
    assert "SYNTHETIC data: generated" in printed(print_table, report, 100)


def test_a_title_wider_than_its_table_stays_on_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, "mf", fit_seconds=None)  # the table: 27 characters wide
    report = build_report([read_report_run(run)], suite="quick")
    assert "\nRecall (candidate generation)\n" in printed(print_table, report, 80)


def test_a_single_label_is_not_called_best(tmp_path: Path) -> None:
    report = build_report([read_report_run(make_run(tmp_path, "mf"))], suite="quick")
    assert "✦" not in printed(print_table, report, 100)


def test_lower_is_better_where_it_is(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path, name, stage="ranking", metrics={"logloss": value})
        for name, value in (("a", 0.4), ("b", 0.5))
    ]
    report = build_report([read_report_run(path) for path in folders], suite="quick")
    text = printed(print_table, report, 100)
    assert "logloss ↓" in text
    assert "✦0.4000" in text


def test_many_baseline_rows_are_shortened_to_those_not_met(tmp_path: Path) -> None:
    old = make_run(tmp_path, "mf", run_id="old", metrics=topk(0.2))
    new = make_run(tmp_path, "mf", run_id="new", metrics={**topk(0.2), "mrr@50": 0.1})
    report = build_report([read_report_run(new)], suite="quick", baseline=read_baseline(old))
    text = printed(print_table, report, 100)
    # 6 metrics of quality at 3 cut-offs; shown: the first of the label and the one not met
    assert "and 16 more rows, all met" in text
    assert "-0.1500" in text


def test_comparison_at_80_columns(tmp_path: Path) -> None:
    other = {**PROTOCOL, "name": "leave-last-out", "fingerprint": "other"}
    base, better = [i / 60 for i in range(30)], [i / 60 + 0.2 + i % 2 / 50 for i in range(30)]
    folders = [
        make_run(tmp_path, "a", users={"ndcg@10": base}),
        make_run(tmp_path, "b", users={"ndcg@10": better}),
        make_run(tmp_path, "c", users={"ndcg@10": base}, protocol=other),
    ]
    comparison = compare_runs([read_report_run(path) for path in folders])
    text = printed(print_comparison, comparison, 80)
    [row] = [line.split() for line in text.splitlines() if line.startswith("ndcg@10")]
    assert row == ["ndcg@10", "0.2417", "0.4517", "+0.2100", "*<0.001", "0.2417", "—", "—"]
    assert "C was judged on another split (tiny, leave-last-out) than A" in " ".join(text.split())
    assert max(cells(line) for line in text.splitlines()) <= 80


def test_many_runs_are_compared_in_blocks(tmp_path: Path) -> None:
    folders = [make_run(tmp_path, f"m{number}") for number in range(5)]
    comparison = compare_runs([read_report_run(path) for path in folders])
    text = printed(print_comparison, comparison, 80)
    assert sum(line.startswith("ndcg@10") for line in text.splitlines()) == 2
    assert (
        sum(
            line.startswith("ndcg@10")
            for line in printed(print_comparison, comparison, 160).splitlines()
        )
        == 1
    )


def test_only_the_terminal_module_loads_rich() -> None:
    code = (
        "import sys, workbench.reports.write, workbench.reports.build, workbench.reports.compare,"
        " workbench.reports.html; sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_new_items_alone_come_second(tmp_path: Path) -> None:
    metrics = {**topk(0.2), "new/ndcg@10": 0.0625, "new/recall@10": 0.125}
    folders = [make_run(tmp_path, label, metrics=metrics) for label in ("dssm", "item-cf")]
    content = build_report([read_report_run(path) for path in folders], suite="quick")
    lines = printed(print_table, content, 50).splitlines()
    assert any("ndcg@10" in line and "new/ndcg@10" in line for line in lines)
    (table,) = stage_tables(content)
    assert ("New items alone", ("new/ndcg@10", "new/recall@10")) in table.blocks


def test_windows_are_told_with_their_spread(tmp_path: Path) -> None:
    dates = ["2000-09-01", "2000-12-01"]
    metrics = {"ndcg@10": 0.25, "spread/ndcg@10": 0.0125}
    metrics |= {f"window/{date}/ndcg@10": 0.2 for date in dates}
    protocol = {**PROTOCOL, "name": "global-timeline", "parameters": {"dates": dates}}
    path = make_run(tmp_path, "ease", metrics=metrics, protocol=protocol)
    content = build_report([read_report_run(path)], suite="quick")
    text = " ".join(printed(print_table, content, 120).split())
    assert "0.2500 ±0.0125" in text
    assert "Means over windows from 2000-09-01, 2000-12-01; ± is their standard deviation." in text
    (table,) = stage_tables(content)
    assert "spread/" not in printed(print_table, content, 300)  # it stands behind the value
    refit = {**content, "summary": []}
    assert not any(note.startswith("Means over windows") for note in notes(refit))
    assert ("Window from 2000-12-01", ("window/2000-12-01/ndcg@10",)) in table.blocks
