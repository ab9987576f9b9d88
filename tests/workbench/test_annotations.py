"""Tags, notes and published figures of a run, from the file to the command line."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_core.errors import InputError
from tests.tui.folders import write_run
from workbench.__main__ import _open_session
from workbench.cli.main import run_command_line
from workbench.store.annotations import (
    ANNOTATIONS,
    Annotations,
    Published,
    annotate,
    check_note,
    parse_tags,
    read_annotations,
)
from workbench.store.files import StoreError
from workbench.store.listing import RunListing, RunSummary, list_runs
from workbench.tui.view.filters import parse_filter

FIGURE = Published(0.2451, "RecBole, general models on ML-1M")


def test_what_is_not_named_stays(tmp_path: Path) -> None:
    assert read_annotations(tmp_path) == Annotations()
    annotate(tmp_path, tags=("paper", "tuned"), note="a first try")
    annotate(tmp_path, published={"ndcg@10": FIGURE})
    said = annotate(tmp_path, note="")
    assert said == read_annotations(tmp_path)
    assert said == Annotations(("paper", "tuned"), "", {"ndcg@10": FIGURE})
    assert [path.name for path in tmp_path.iterdir()] == [ANNOTATIONS], "no half-written file"


def test_no_change_writes_no_file(tmp_path: Path) -> None:
    annotate(tmp_path, tags=())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"tags": 3}', '{"note": []}', '{"published": {"auc": 1}}', '{"tags": [1]}'],
)
def test_damage_is_named_and_costs_only_the_annotations(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path, "mf")
    (folder / ANNOTATIONS).write_text(content)
    with pytest.raises(StoreError, match=r"annotations\.json: damaged"):
        annotate(folder, note="x")
    (run,) = list_runs(tmp_path)
    assert "annotations.json: damaged" in run.problem
    assert (run.state, run.metrics["ndcg@10"], run.tags) == ("succeeded", 0.25, ())


def test_the_list_and_its_index_see_every_change(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mf")
    os.utime(folder / "status.json", (1e9, 1e9))
    listing = RunListing(tmp_path)
    assert listing.refresh()[0].tags == ()
    annotate(folder, tags=("one",), published={"ndcg@10": FIGURE})
    os.utime(folder / ANNOTATIONS, (1e9, 1e9))
    assert listing.refresh()[0].tags == ("one",)
    annotate(folder, tags=("two",), note="better")
    (run,) = listing.refresh()
    assert (run.tags, run.note, run.published) == (("two",), "better", {"ndcg@10": FIGURE})
    os.utime(folder / ANNOTATIONS, (1.1e9, 1.1e9))
    list_runs(tmp_path)  # now it is in the index
    assert RunListing(tmp_path).refresh() == (run,)
    (folder / ANNOTATIONS).unlink()
    assert listing.refresh()[0].note == ""


@pytest.mark.parametrize("text", ["a b!", "x" * 41, "-no", "a:b", "a>b", "\x1b[2J", '"q"'])
def test_what_is_no_tag(text: str) -> None:
    with pytest.raises(InputError, match="is not a tag"):
        parse_tags(text)


@given(st.text(max_size=50))
def test_every_tag_can_be_filtered_for(text: str) -> None:
    try:
        tags = parse_tags(text)
    except InputError:
        return
    run = RunSummary("r", Path("runs"), annotations={"tags": list(tags)})
    for tag in tags:
        assert parse_filter(f"tag:{tag}")(run)
        assert not parse_filter(f"-tag:{tag}")(run)


def test_a_note_has_an_end() -> None:
    assert check_note("  two\nlines \n") == "two\nlines"
    with pytest.raises(InputError, match="4,001 characters"):
        check_note("x" * 4001)


def test_the_command_line_shows_and_finds_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_run(tmp_path, "mf")
    write_run(tmp_path, "other", number=1)
    annotate(folder, tags=("paper",), note="look\x1b at it", published={"ndcg@10": FIGURE})
    here = ["--runs-dir", str(tmp_path), "runs"]
    assert run_command_line([*here, "show", folder.name], _open_session) == 0
    shown = capsys.readouterr().out
    assert "tags         paper" in shown
    assert r"look\x1b at it" in shown
    assert re.search(r"ndcg@10 .*  0\.2451 +RecBole", shown)
    assert run_command_line([*here, "show", folder.name, "--json"], _open_session) == 0
    said = json.loads(capsys.readouterr().out)["annotations"]
    assert said["published"]["ndcg@10"] == {"value": 0.2451, "source": FIGURE.source}
    assert run_command_line([*here, "list", "--tag", "paper", "--json"], _open_session) == 0
    assert [run["label"] for run in json.loads(capsys.readouterr().out)] == ["mf"]
