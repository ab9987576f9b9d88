from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.suites import Reference
from tests.reports.folders import DATASET, make_run, make_unfinished
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.folder import read_report_run
from workbench.reports.gates import parse_gate
from workbench.reports.junit import to_junit
from workbench.reports.markdown import text, to_markdown
from workbench.reports.write import to_csv, to_html, to_json, write_report

HOSTILE = "a|b*<script>alert(1)</script>\x1b[31m\u202e&[x](http://evil.example)"
FIGURE = Reference(value=0.2389, source="RecBole", note="best of a grid")
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    """Two recall runs, a ranking run with a curve, a failed one; a gate missed, a drop."""
    runs_dir = tmp_path / "runs"
    old = make_run(runs_dir, "item-cf", run_id="old", metrics={"ndcg@10": 0.3, "coverage@10": 0.4})
    folders = [
        make_run(runs_dir, "popularity", metrics={"ndcg@10": 0.1, "coverage@10": 0.05}),
        make_run(
            runs_dir,
            "item-cf",
            metrics={"ndcg@10": 0.25, "coverage@10": 0.5},
            ci95={"ndcg@10": [0.2, 0.3]},
            users={"ndcg@10": [0.0, 0.5, 0.5]},
        ),
        make_run(
            runs_dir,
            "lr",
            stage="ranking",
            metrics={"auc": 0.75, "logloss": 0.5, "ndcg@10": None},
            curve=[{"loss": 0.7, "auc": 0.7}, {"loss": 0.6, "auc": 0.75}, {"loss": 0.55}],
        ),
        make_unfinished(runs_dir, "ease"),
    ]
    for folder in folders:
        metrics = folder / "metrics.json"
        if metrics.is_file():  # drop the factory's default from the ranking run
            content = json.loads(metrics.read_text())
            if content["stage"] == "ranking":
                del content["metrics"]["ndcg@10"]
                metrics.write_text(json.dumps(content))
    return build_report(
        [read_report_run(path) for path in folders],
        suite="quick",
        references={"item-cf": {"ndcg@10": FIGURE}},
        gates=[parse_gate("item-cf:ndcg@10>=0.25"), parse_gate("lr:auc>=0.8")],
        baseline=read_baseline(old, {"ndcg@10": 0.01}),
    )


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, Any]:
    """A report in which every text that comes from data tries to be markup."""
    run = make_run(
        tmp_path / "runs",
        "x",
        dataset={**DATASET, "name": HOSTILE, "synthetic": True},
        params={HOSTILE: HOSTILE},
        users={"ndcg@10": [0.1, 0.2]},
        curve=[{HOSTILE: 1.0}],
    )
    failed = make_unfinished(tmp_path / "runs", "y", reason=HOSTILE)
    runs = [read_report_run(run, label=HOSTILE), read_report_run(failed)]
    references = {HOSTILE: {"ndcg@10": Reference(value=0.1, source=HOSTILE, note=HOSTILE)}}
    return build_report(runs, suite=HOSTILE, references=references)


def test_json_reads_back(report: dict[str, Any], tmp_path: Path) -> None:
    write_report(report, tmp_path / "deep" / "report.json")
    assert json.loads((tmp_path / "deep" / "report.json").read_text()) == report


def test_json_holds_no_byte_that_steers_a_terminal(hostile: dict[str, Any]) -> None:
    assert to_json(hostile).replace("\n", "").isprintable()
    assert to_json(hostile).isascii()


def test_an_unknown_extension_names_the_valid_ones(report: dict[str, Any], tmp_path: Path) -> None:
    for name in ("report.pdf", "report"):
        with pytest.raises(InputError) as caught:
            write_report(report, tmp_path / name)
        assert "valid: .json, .md, .html, .csv, .xml" in str(caught.value)
    assert list(tmp_path.glob("report*")) == []


def test_a_failed_write_leaves_the_old_report(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")

    def no_space(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(InputError, match=r"report .*report\.md: cannot be written: No space left"):
        write_report(report, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.md"]


def test_a_folder_is_not_a_report(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        write_report(report, tmp_path / "x.json")


def test_a_file_where_a_folder_should_be(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(report, tmp_path / "x" / "report.json")


def test_csv_has_a_line_a_run_and_metric(report: dict[str, Any]) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert [(line["label"], line["metric"]) for line in lines] == [
        ("popularity", "ndcg@10"),
        ("popularity", "coverage@10"),
        ("item-cf", "ndcg@10"),
        ("item-cf", "coverage@10"),
        ("lr", "auc"),
        ("lr", "logloss"),
        ("ease", ""),
    ]
    assert lines[2] == {
        "suite": "quick",
        "dataset": "tiny",
        "protocol": "user-timeline",
        "run_id": "20260101-000000-item-cf-0000",
        "label": "item-cf",
        "model": "item-cf",
        "stage": "recall",
        "seed": "0",
        "status": "succeeded",
        "metric": "ndcg@10",
        "value": "0.25",
        "ci95_low": "0.2",
        "ci95_high": "0.3",
        "reference": "0.2389",
        "reference_source": "RecBole",
        "reference_note": "best of a grid",
    }
    assert lines[-1]["status"] == "failed"


@pytest.mark.parametrize("label", ["=1+1", "+cmd", "-x", "@x"])
def test_csv_holds_no_formula(tmp_path: Path, label: str) -> None:
    run = read_report_run(make_run(tmp_path, "x"), label=label)
    [line] = csv.DictReader(io.StringIO(to_csv(build_report([run], suite="quick"))))
    assert line["label"] == f"'{label}"


GOLDEN = """\
# quick on tiny, user-timeline

1 of 4 runs without a result; 2 of 3 conditions not met.

- Data: tiny, 40 interactions, 4 users, 10 items.
- Protocol: user-timeline, rows: train 32, valid 4, test 4.
- Leaks other users' future.
- Protocol counts: short users 1.
- Recall: 4 users judged, 1 left out (no relevant test item), 2 test items without training \
rows.
- Ranking: 4 users judged, 2 test items without training rows.
- Published figures: RecBole (best of a grid).

## Recall (candidate generation)

### Lists of 10

| label | ndcg@10 | fit | peak memory |
| :-- | --: | --: | --: |
| popularity | 0.1000 | 1.5 s | 100 MB |
| item-cf | **0.2500** \\[0.2000, 0.3000\\] (published 0.2389) | 1.5 s | 100 MB |

### Lists of 10: what is in them

| label | coverage@10 |
| :-- | --: |
| popularity | 0.0500 |
| item-cf | **0.5000** |

## Ranking

| label | auc | logloss ↓ | fit | peak memory |
| :-- | --: | --: | --: | --: |
| lr | 0.7500 | 0.5000 | 1.5 s | 100 MB |

## Runs without a result

| label | seed | status | reason |
| :-- | :-- | :-- | :-- |
| ease | 0 | failed | out of memory |

## Gates

| gate | verdict | value |
| :-- | :-- | --: |
| item-cf:ndcg@10\\>=0.25 | ✓ met | 0.2500 |
| lr:auc\\>=0.8 | ✗ **not met** | 0.7500 |

## Baseline

| label | metric | verdict | value | baseline | delta | tolerance | p |
| :-- | :-- | :-- | --: | --: | --: | --: | --: |
| item-cf | ndcg@10 | ✗ **not met** | 0.2500 | 0.3000 | -0.0500 | 0.01 | — |
| item-cf | coverage@10 | not judged | 0.5000 | 0.4000 | +0.1000 | — | — |

Exit code 3.
"""


def test_markdown_is_as_it_was(report: dict[str, Any]) -> None:
    assert to_markdown(report) == GOLDEN


def test_markdown_escapes_what_is_markup(hostile: dict[str, Any]) -> None:
    markdown = to_markdown(hostile)
    assert "<script" not in markdown.replace("\\<script", "")
    assert "](http" not in markdown.replace("\\](http", "")
    assert r"\\x1b\[31m\\u202e" in markdown
    assert {"\x1b", "\u202e"}.isdisjoint(markdown)
    for line in markdown.splitlines():  # a pipe in a label opens no column
        if line.startswith("| a"):
            assert line.replace(r"\|", "").count("|") == 5


def test_wide_characters_stay_as_they_are() -> None:
    assert text("千と千尋の神隠し Amélie") == "千と千尋の神隠し Amélie"


def test_junit_counts_runs_gates_and_baseline_rows(report: dict[str, Any]) -> None:
    root = ET.fromstring(to_junit(report))  # written here, so it is safe to parse
    assert root.tag == "testsuites"
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "8",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("runs", "4"),
        ("gates", "2"),
        ("baseline", "2"),
    ]
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert all(
        case.get("classname") and float(case.get("time", "x")) >= 0 for case in cases.values()
    )
    error = cases["ease seed 0"].find("error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("failed", "failed: out of memory")
    failure = cases["lr:auc>=0.8"].find("failure")
    assert failure is not None
    assert failure.get("message") == "lr:auc>=0.8 not met: value 0.750000"
    assert cases["item-cf:ndcg@10"].find("failure") is not None
    assert cases["item-cf:coverage@10"].find("skipped") is not None
    assert cases["item-cf seed 0"].findtext("system-out") == (
        "run 20260101-000000-item-cf-0000\nndcg@10 = 0.250000\ncoverage@10 = 0.500000"
    )


def test_junit_survives_hostile_text(hostile: dict[str, Any]) -> None:
    root = ET.fromstring(to_junit(hostile))
    [error] = root.iter("error")
    assert "<script>alert(1)</script>\\x1b[31m" in error.get("message", "")


class Page(HTMLParser):
    """Collects tags and text; fails on tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_page_that_loads_nothing(report: dict[str, Any]) -> None:
    html = to_html(report)
    page = Page(html)
    assert {"script", "link", "img", "iframe", "object", "form"}.isdisjoint(page.tags)
    names = {name for name, _ in page.attributes}
    assert {"src", "href", "srcset", "action", "xlink:href"}.isdisjoint(names)
    assert not any(name.startswith("on") for name in names)
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_html_shows_tables_plots_and_verdicts(report: dict[str, Any]) -> None:
    page = Page(to_html(report))
    # two bar charts of recall (one metric is quality) and of ranking, spread, two curves
    assert page.tags.count("svg") == 1 + 2 + 1 + 2
    for shown in (
        "✦ 0.2500",
        "0.2000 to 0.3000",
        "◆ 0.2389",
        "✗ not met",
        "✓ met",
        "out of memory",
    ):
        assert shown in page.text
    assert "epoch 2: 0.7500" in page.text  # the best epoch of auc, not the last


def test_html_shows_data_as_text(hostile: dict[str, Any]) -> None:
    html = to_html(hostile)
    page = Page(html)
    assert "script" not in page.tags
    assert {"\x1b", "\u202e"}.isdisjoint(html)
    assert "<script>alert(1)</script>\\x1b[31m\\u202e" in page.text
    assert "SYNTHETIC data" in page.text


def test_html_of_failures_alone(tmp_path: Path) -> None:
    failed = read_report_run(make_unfinished(tmp_path, "ease"))
    page = Page(to_html(build_report([failed], suite="quick")))
    assert "1 of 1 run without a result" in page.text
