"""`score`: runs of scores from elsewhere beside runs of models trained here."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.external import score
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.result import RunResult
from recsys_core.pipeline.run import run
from recsys_core.pipeline.spec import JobSpec
from tests.data.small import SMALL
from tests.reports.schema import packaged_schema, violations
from tests.workbench.conftest import Cli
from workbench.store import results
from workbench.store.listing import list_runs
from workbench.store.runs import RESULTS, Run

Line = tuple[object, ...]


def write(path: Path, *rows: Line) -> Path:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def lists_of(result: RunResult) -> list[Line]:
    top, data = result.judged.recommendations, result.split.dataset
    assert top is not None
    return [
        (data.user_ids[user], data.item_ids[item], repr(float(value)))
        for user, items, values in zip(top.users, top.items, top.scores, strict=True)
        for item, value in zip(items, values, strict=True)
        if item >= 0
    ]


def rows_of(result: RunResult) -> list[Line]:
    rows, data = result.judged.rows, result.split.dataset
    assert rows is not None
    return [
        (data.user_ids[user], data.item_ids[item], repr(float(value)))
        for user, item, value in zip(rows.users, rows.items, rows.scores, strict=True)
    ]


@pytest.fixture(scope="module")
def own(data_dir: Path) -> RunResult:
    return run(JobSpec(dataset=SMALL, model="item-cf", threads=1), data_dir=data_dir)


@pytest.fixture
def mine(own: RunResult, tmp_path: Path) -> Path:
    return write(tmp_path / "mine.csv", ("user", "item", "score"), *lists_of(own))


@pytest.mark.parametrize(
    ("model", "params", "stage"), [("item-cf", {}, "recall"), ("lr", {"epochs": 1}, "ranking")]
)
def test_what_a_run_wrote_is_judged_as_the_run_was(
    model: str, params: dict[str, int], stage: Any, data_dir: Path, tmp_path: Path
) -> None:
    spec = JobSpec(dataset=SMALL, model=model, params=params, threads=1)
    first = run(spec, data_dir=data_dir)
    content = (lists_of if stage == "recall" else rows_of)(first)
    file = write(tmp_path / "mine.csv", ("user", "item", "score"), *content)
    again = score(file, SMALL, stage=stage, data_dir=data_dir)
    before, after = first.judged.evaluation, again.judged.evaluation
    assert after.metrics == pytest.approx(before.metrics, abs=1e-12, nan_ok=True)
    assert after.ci95.keys() == before.ci95.keys()
    for name, interval in before.ci95.items():
        assert after.ci95[name] == pytest.approx(interval, abs=1e-12, nan_ok=True)
    for name, values in before.user_metrics.items():
        assert after.user_metrics[name] == pytest.approx(values, abs=1e-12, nan_ok=True)
    assert after.counts == before.counts
    assert again.file_counts == {"rows": len(content)}


def test_an_exported_table_is_read_as_it_was_written(
    cli: Cli, tmp_path: Path, runs_dir: Path
) -> None:
    cli("train", "--model", "item-cf", "--dataset", SMALL, "--threads", "1", "--quiet")
    for table, stage in (("recommendations", "recall"),):
        file = tmp_path / f"{table}.csv"
        assert cli("runs", "export", "--table", table, "--to", str(file)).code == 0
        done = cli("score", str(file), "--dataset", SMALL, "--stage", stage, "--quiet")
        assert done.code == 0, done.err
    theirs, ours = list_runs(runs_dir)
    assert (theirs.origin, ours.origin) == ("external", "own")
    assert dict(theirs.metrics) == dict(ours.metrics)
    first, second = (Run(each.folder).path / RESULTS for each in (ours, theirs))
    user = int(results.query(first, "SELECT MIN(user) FROM recommendations")[0][0])
    assert results.recommendations(second, user) == results.recommendations(first, user)


def test_a_file_becomes_a_run_in_table_report_gate_and_comparison(
    cli: Cli, mine: Path, tmp_path: Path, runs_dir: Path
) -> None:
    report = tmp_path / "report.json"
    line = ("score", str(mine), "--dataset", SMALL, "--label", "ours", "--quiet")
    done = cli(*line, "--gate", "ours:ndcg@10>=0.9", "--report", str(report))
    assert done.code == 1
    assert "Scores from elsewhere: ours (mine.csv); rows: " in " ".join(done.out.split())
    written = json.loads(report.read_text())
    assert violations(written, packaged_schema()) == []
    (entry,) = written["runs"]
    assert (entry["origin"], entry["stage"], entry["model"]) == ("external", "recall", "external")
    assert entry["file_counts"]["rows"] > 0
    assert entry["fit_seconds"] is None
    (kept,) = list_runs(runs_dir)
    assert (kept.label, kept.origin, kept.problem) == ("ours", "external", "")
    assert not (kept.folder / "model").exists()
    assert "ours (external)" in cli("runs", "list").out
    assert "rows: " in cli("runs", "show", kept.run_id).out

    cli("train", "--model", "popularity", "--dataset", SMALL, "--threads", "1", "--quiet")
    compared = json.loads(cli("compare", "popularity", "ours", "--json").out)
    assert [each["origin"] for each in compared["runs"]] == ["own", "external"]
    (ndcg,) = (each for each in compared["metrics"] if each["metric"] == "ndcg@10")
    assert ndcg["values"][1]["p_value"] is not None
    assert "(external)" in cli("compare", "popularity", "ours").out


def test_the_content_decides_whether_a_run_is_reused(
    cli: Cli, mine: Path, tmp_path: Path, runs_dir: Path
) -> None:
    line = ("--dataset", SMALL, "--label", "ours", "--quiet")
    copied = write(tmp_path / "copy.csv")
    copied.write_bytes(mine.read_bytes())
    for file in (mine, copied):
        assert cli("score", str(file), *line).code == 0
    assert len(list_runs(runs_dir)) == 1
    mine.write_bytes(mine.read_bytes() + mine.read_bytes().splitlines(keepends=True)[1])
    cli("score", str(mine), *line)
    cli("score", str(mine), *line, "--set", "protocol.relevance=3")
    cli("score", str(mine), *line, "--k", "5")
    cli("score", str(mine), *line, "--fresh")
    assert len(list_runs(runs_dir)) == 5


def test_scores_are_found_by_the_label_that_they_were_given_last(
    cli: Cli, mine: Path, runs_dir: Path
) -> None:
    for label in ("mine", "ours"):
        assert cli("score", str(mine), "--dataset", SMALL, "--label", label, "--quiet").code == 0
    assert sorted(run.label for run in list_runs(runs_dir)) == ["mine", "ours"]
    assert cli("compare", "mine", "ours").code == 0


def test_a_folder_in_the_place_of_a_file_is_called_one(cli: Cli, mine: Path) -> None:
    folder = str(mine.parent)
    assert f"{folder} is a folder, not a file\n" in cli("score", folder, "--dataset", SMALL).err
    named = cli("score", str(mine), "--dataset", SMALL, "--split", folder)
    assert f"{folder} is a folder, not a file\nname the split.json" in named.err


def test_a_baseline_judges_scores_user_by_user(cli: Cli, mine: Path, tmp_path: Path) -> None:
    line = ("score", str(mine), "--dataset", SMALL, "--label", "item-cf", "--quiet")
    cli("train", "--model", "item-cf", "--dataset", SMALL, "--threads", "1", "--quiet")
    own_id = json.loads(cli("runs", "list", "--json").out)[0]["run_id"]
    report = tmp_path / "report.json"
    assert cli(*line, "--baseline", own_id, "--report", str(report)).code == 0
    rows = {row["metric"]: row for row in json.loads(report.read_text())["baseline"]}
    assert rows["ndcg@10"]["delta"] == 0
    assert rows["ndcg@10"]["p_value"] == 1


WINDOWS = (
    "--protocol",
    "global-timeline",
    "--set",
    "protocol.dates=2000-07-01,2000-08-01",
    "--k",
    "5",
)


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        ("user,item\n1,2\n", (), "no column is the score or rank"),
        ("user,item,score\n1,2,nan\n", (), "'nan' is not a number"),
        ("user,item,score\nx,y,1\n", (), "no user of it is in data set"),
        ("user,item,score\n1,2,1\n", ("--stage", "ranking"), "have no prediction; the first is"),
        ("user,item,score\n1,2,1\n", ("--gate", "other:ndcg@10>=0"), "unknown label in gate"),
        ("user,item,score\n1,2,1\n", ("--gate", "bad:auc>=0"), "recall runs have no metric 'auc'"),
        ("user,item,score\n1,2,1\n", ("--set", "mf.dim=3"), "unknown label in --set"),
        ("user,item,score\n1,2,1\n", ("--set", "protocol.what=3"), "what"),
        ("user,item,score\n1,2,1\n", ("--k", "999"), "k 999 is larger than the catalogue"),
        ("user,item,score\n1,2,1\n", ("--split", "gone.json"), "no such file: gone.json"),
        ("user,item,score\n1,2,1\n", WINDOWS, "has 2 windows; a file of scores is of one split"),
    ],
)
def test_bad_input_is_told_in_two_lines_and_leaves_nothing(
    content: str, options: tuple[str, ...], problem: str, cli: Cli, tmp_path: Path, runs_dir: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(content)
    done = cli("score", str(file), "--dataset", SMALL, "--quiet", *options)
    assert done.code == 2
    assert problem in done.err
    assert len(done.err.splitlines()) <= 2
    assert list_runs(runs_dir) == []


def test_the_split_that_scores_were_made_for_must_be_the_one_at_hand(
    cli: Cli, own: RunResult, tmp_path: Path
) -> None:
    file = write(tmp_path / "parts" / "mine.csv", ("user", "item", "score"), *lists_of(own))
    line = ("score", str(file), "--dataset", SMALL, "--quiet")
    beside = file.parent / "split.json"
    about = {"fingerprint": own.split.fingerprint, "dataset": {"name": SMALL}, "protocol": 3}
    beside.write_text(json.dumps(about))
    assert cli(*line).code == 0
    other = cli(*line, "--protocol", "leave-last-out")
    assert other.code == 2
    assert "the scores are of another split" in other.err
    assert f"{own.split.fingerprint} (small), that of small, leave-last-out is" in other.err
    elsewhere = tmp_path / "split.json"
    elsewhere.write_text('{"fingerprint": "0"}')
    assert cli(*line, "--split", str(elsewhere)).code == 2
    protocol = {"name": own.split.protocol, "parameters": {**own.split.parameters, "relevance": 3}}
    elsewhere.write_text(json.dumps({"fingerprint": "0", "protocol": protocol}))
    differs = f"is {own.split.fingerprint}; relevance = 3, here 4.0\n"
    assert differs in cli(*line, "--split", str(elsewhere)).err
    elsewhere.write_text("{}")
    assert "it has no 'fingerprint'" in cli(*line, "--split", str(elsewhere)).err


def test_what_needs_a_model_says_that_there_is_none(
    cli: Cli, own: RunResult, mine: Path, runs_dir: Path, data_dir: Path
) -> None:
    cli("score", str(mine), "--dataset", SMALL, "--label", "ours", "--quiet")
    (kept,) = list_runs(runs_dir)
    with pytest.raises(InputError, match="holds scores only") as caught:
        Recommender.load(kept.folder, data_dir)
    assert kept.run_id in caught.value.problem
    item = str(own.split.dataset.item_ids[0])
    assert "holds scores only" in cli("similar", item, "--run", "ours").err
    channels = f'[{{"run": "{kept.run_id}"}}, {{"model": "popularity"}}]'
    line = ("train", "--model", "two-stage", "--dataset", SMALL, "--threads", "1", "--quiet")
    assert "holds scores only" in cli(*line, "--set", f"channels={channels}").err
    assert "is not a model" in cli("train", "--model", "external", "--dataset", SMALL).err


def test_users_are_shown_with_the_lists_of_a_file(cli: Cli, own: RunResult, tmp_path: Path) -> None:
    listed = lists_of(own)
    absent = own.split.dataset.user_ids[own.judged.evaluation.users[-1]]
    rows = [row for row in listed if row[0] != absent]
    file = write(tmp_path / "mine.csv", ("user", "item", "score"), *rows)
    cli("score", str(file), "--dataset", SMALL, "--label", "ours", "--quiet")
    shown = json.loads(cli("user", str(rows[0][0]), "--run", "ours", "--json").out)
    items = [each["item_id"] for each in shown["runs"][0]["items"]]
    assert items == [row[1] for row in rows if row[0] == rows[0][0]][: len(items)]
    none = cli("user", str(absent), "--run", "ours", "--json")
    assert "holds scores from a file only" in none.out
