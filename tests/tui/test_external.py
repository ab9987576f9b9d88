"""Runs of scores from elsewhere in lists, filters and on the page of a run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tui.folders import write_run
from workbench.store.listing import RunListing
from workbench.store.summary import RunSummary, read_summary
from workbench.tui.view.columns import name_of
from workbench.tui.view.detail import read_files, sections
from workbench.tui.view.filters import parse_filter


def external(runs: Path) -> Path:
    folder = write_run(runs, "ours", model="external", params={"file": "lists.csv"})
    result = json.loads((folder / "metrics.json").read_text())
    counts = {"rows": 12_345, "duplicate_rows": 2}
    result |= {"origin": "external", "file_counts": counts, "fit_seconds": None}
    (folder / "metrics.json").write_text(json.dumps(result))
    return folder


def test_the_page_says_where_the_scores_come_from_and_what_was_wrong(tmp_path: Path) -> None:
    summary = read_summary(external(tmp_path))
    lines = sections(summary, read_files(summary))["data"].lines
    text = "\n".join("".join(cell.text for cell in line) for line in lines)
    assert "scores from" in text
    assert "lists.csv" in text
    assert "rows: 12,345; of a user and item met before: 2" in text


def test_it_is_told_from_others_where_its_model_is_no_column(tmp_path: Path) -> None:
    assert name_of(read_summary(external(tmp_path))) == "ours (external)"


def test_the_origin_is_kept_in_the_index_and_found_by_a_filter(tmp_path: Path) -> None:
    external(tmp_path)
    write_run(tmp_path, "mf", number=1)

    def found(text: str) -> list[str]:
        runs: tuple[RunSummary, ...] = RunListing(tmp_path).refresh()  # the second reads the index
        return [run.label for run in filter(parse_filter(text), runs)]

    assert found("origin:external") == ["ours"]
    assert found("-origin:external") == ["mf"]
    assert found("own") == []
