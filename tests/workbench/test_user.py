"""`user` and `compare --users`: what is shown of a user, from where, and what cannot be asked."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from recsys_core.data.dataset import Categorical
from recsys_core.data.prepared import write_prepared
from tests.reports.schema import violations
from tests.workbench.conftest import Cli
from tests.workbench.films import films, prepare_films, write_list_run, write_rows_run
from tests.workbench.results import values_of
from workbench.cli.main import run_command_line
from workbench.reports.user import user_json
from workbench.reports.user_terminal import print_user
from workbench.store.listing import list_runs
from workbench.store.runs import Run
from workbench.store.users import Browse
from workbench.store.users_inspect import inspect
from workbench.tui.view.user_reasons import event_section
from workbench.tui.view.users import history_table

#: user 0 knows 0, 1, 7, 5 and has 3 held out, which is not liked; user 1 has 7, liked
ITEM_CF = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare_films(folder)
    return folder


@pytest.fixture
def runs(runs_dir: Path) -> dict[str, Run]:
    return {
        "item-cf": write_list_run(runs_dir, "item-cf", ITEM_CF, ndcg={0: 0.2, 1: 1.0}),
        "other": write_list_run(runs_dir, "other", {0: ((4, 3.0),)}, ndcg={0: 0.7, 1: 0.0}),
        "lr": write_rows_run(runs_dir, "lr", [(0, 3, 0.0, 0.75), (1, 7, 1.0, 0.5)]),
    }


def schema() -> dict[str, Any]:
    source = resources.files("workbench.reports").joinpath("user.schema.json")
    content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return content


def ask(cli: Cli, *words: str) -> dict[str, Any]:
    """Run `user … --json` and check it against the schema."""
    done = cli("user", *words, "--json")
    assert done.code == 0, done.err
    content: dict[str, Any] = json.loads(done.out)
    assert violations(content, schema()) == []
    return content


def test_json_has_history_held_out_items_and_lists(cli: Cli, runs: dict[str, Run]) -> None:
    content = ask(cli, "u0", "--run", "item-cf", "--run", runs["lr"].run_id, "--k", "2")
    assert content["user"] == {
        "user_id": "u0",
        "events": 5,
        "attributes": {"age": "18-24", "gender": "F"},
    }
    assert content["threshold"] == 4.0
    history = content["history"]
    assert [(e["item_id"], e["rating"], e["part"], e["relevant"]) for e in history] == [
        ("105", 4.0, "valid", True),
        ("107", 3.0, "train", False),
        ("101", 4.0, "train", True),
        ("100", 5.0, "train", True),
    ]
    assert history[0]["time"] == 946_684_800 + 3 * 86_400
    (held_out,) = content["held_out"]
    assert (held_out["item_id"], held_out["relevant"]) == ("103", False)
    assert content["genres"]["Sci-Fi"] == 0.5
    one, two = content["runs"]
    assert (one["label"], one["source"], one["metrics"]) == ("item-cf", "saved", {"ndcg@10": 0.2})
    assert [(i["rank"], i["item_id"], i["score"]) for i in one["items"]] == [
        (1, "103", 0.9),
        (2, "102", 0.5),
    ]
    assert [(i["held_out"], i["relevant"]) for i in one["items"]] == [(True, False), (False, False)]
    (row,) = two["items"]  # a ranking run orders the held-out rows
    assert (row["item_id"], row["score"], row["relevant"]) == ("103", 0.75, False)


def test_reasons_are_items_rated_with_it_and_shared_genres(cli: Cli, runs: dict[str, Run]) -> None:
    content = ask(cli, "u1", "--run", "item-cf")
    popular, evil = content["runs"][0]["items"]
    assert popular["why"]["how"] == "co-rating"
    # users 0, 1, 2 rated items 0 and 5 and 7: 3 / sqrt(3 * 6) each
    assert [(c["item_id"], round(c["weight"], 4)) for c in popular["why"]["causes"]] == [
        ("100", 0.7071),
        ("105", 0.7071),
    ]
    assert popular["why"]["genres"] == []
    assert evil["why"]["genres"] == ["Horror"]


def test_the_terminal_shows_titles_as_text(
    cli: Cli, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    done = cli("user", "u0", "--run", "item-cf", "--run", "lr", "--run", "other")
    assert done.code == 0, done.err
    assert "שומר [red]לילה[/red] (2002)" in done.out
    assert "Evil\\x1b[2J Dead (1981)" in done.out
    assert "\x1b" not in done.out
    heads = [line for line in done.out.splitlines() if line.startswith("#")]
    assert len(heads) == 2  # three lists do not fit beside each other
    assert "item-cf" in heads[0]
    assert "Held out: 1, 0 liked" in done.out
    assert "rated with Alien (1979)" in done.out


def test_types_of_events_stand_beside_titles(tmp_path: Path) -> None:
    codes = np.array([0, 1, -1, 0, 1] + [0] * 17, dtype=np.int32)[: len(films().user)]
    types = Categorical(codes, np.array(["buy", "view"]))
    write_prepared(tmp_path, replace(films(), event_columns={"type": types}), {}, {})
    with Browse(tmp_path, "films") as browse:
        inspection = inspect(browse, browse.find_user("u0"), [], 2)
        printed = StringIO()
        print_user(inspection, Console(file=printed, width=120))
        content = user_json(inspection)
        table = history_table(inspection, 50)
        about = event_section(inspection, 0, 80).lines[0][0].text
    assert violations(content, schema()) == []
    wanted = ["view", "buy", "", "view", "buy"]  # newest first
    assert [event["type"] for event in content["history"]] == wanted
    assert [head.key for head in table.heads] == ["mark", "rating", "title", "type"]
    assert [row.cells[3].text for row in table.rows] == wanted
    assert about.startswith("buy  rated 5")
    assert re.search(r"5 +Alien \(1979\) +buy ", printed.getvalue())


@pytest.mark.parametrize("timed", [True, False])
def test_a_history_without_times_stands_in_the_order_of_the_file(
    timed: bool, tmp_path: Path
) -> None:
    times = films().timestamp if timed else np.zeros_like(films().timestamp)
    write_prepared(tmp_path, replace(films(), timestamp=times, timed=timed), {}, {})
    with Browse(tmp_path, "films") as browse:
        inspection = inspect(browse, browse.find_user("u0"), [], 2)
        printed = StringIO()
        print_user(inspection, Console(file=printed, width=120))
        content = user_json(inspection)
        table = history_table(inspection, 120)
    order = ["103", "105", "107", "101", "100"]
    assert [event["item_id"] for event in content["history"]] == (order if timed else order[::-1])
    assert [int(row.key) + 100 for row in table.rows] == [
        int(event["item_id"]) for event in content["history"]
    ]
    assert ("time (UTC)" in [head.title for head in table.heads]) == timed
    text = printed.getvalue()
    assert ("History: 5 of 5, newest first" in text) == timed
    assert ("History: 5 of 5, in the order of the file" in text) != timed
    assert ("time (UTC)" in text) == timed


def test_hits_are_marked(cli: Cli, runs: dict[str, Run]) -> None:
    hit = cli("user", "u1", "--run", "item-cf").out
    assert "1  ✔  Popular (1990)" in hit
    assert "1  ·  Evil" in cli("user", "u0", "--run", "item-cf").out


def test_without_a_name_the_newest_run_of_each_label_is_shown(
    cli: Cli, runs: dict[str, Run], runs_dir: Path
) -> None:
    newer = write_list_run(runs_dir, "item-cf", ITEM_CF, created=1.9e9)
    content = ask(cli, "u0")
    assert content["runs"][0]["label"] == "item-cf"
    assert content["runs"][0]["run_id"] == newer.run_id
    assert len(content["runs"]) == 3


def test_a_user_without_a_list_whose_model_is_gone_gets_what_is_popular(
    cli: Cli, runs: dict[str, Run]
) -> None:
    content = ask(cli, "u2", "--run", "item-cf", "--k", "2")
    (run,) = content["runs"]
    assert run["source"] == "popularity"
    # user 2 knows 0, 5 and 7; the most rated of the others are 1 (three) and 2, 3, 4, 6
    assert [(item["item_id"], item["score"]) for item in run["items"]] == [("101", 3), ("102", 2)]
    assert run["notes"][0].startswith("this user was not evaluated in the run")
    assert "the most popular items instead" in run["notes"][1]
    assert "no saved model here" in run["notes"][1]
    asked = cli("user", "u2", "--run", "item-cf", "--recompute")
    assert asked.code == 2
    assert "no saved model here" in asked.err


def test_a_cold_user_is_said_to_be_cold(data_dir: Path, runs_dir: Path) -> None:
    cold = bytes([3, 3, 3, 3, 2])  # nothing but the held-out event is left by the protocol
    run = write_list_run(runs_dir, "cold", ITEM_CF)
    results_path = run.path / "results.sqlite"
    with sqlite3.connect(results_path) as database:
        database.execute("UPDATE parts SET parts = ? WHERE user = 0", (cold,))
    database.close()
    with Browse(data_dir, "films", films().fingerprint) as browse:
        seen = inspect(browse, browse.find_user("u0"), [run], 5)
    assert seen.known == []
    assert seen.listings[0].notes == ("cold start: nothing was known about this user",)


def test_a_run_of_an_earlier_version_shows_lists_without_hits(cli: Cli, runs_dir: Path) -> None:
    run = write_list_run(runs_dir, "old", ITEM_CF, parts=False)
    with sqlite3.connect(run.path / "results.sqlite") as database:
        database.execute("DROP TABLE parts")
    database.close()
    content = ask(cli, "u0", "--run", "old")
    assert content["held_out"] == []
    assert {event["part"] for event in content["history"]} == {"unknown"}
    assert content["runs"][0]["items"][0]["held_out"] is None
    assert "with --fresh" in content["runs"][0]["notes"][0]


def test_users_are_listed_by_conditions(cli: Cli, runs: dict[str, Run]) -> None:
    done = cli("user", "--find", "genre=Horror worst=ndcg@10", "--run", "item-cf")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "user  events  age    gender  ndcg@10",
        "u0         5  18-24  F        0.2000",
        "u1         3  25-34  M        1.0000",
        "2 of 2 users",
    ]
    as_json = cli("user", "--find", "u", "--k", "1", "--run", "item-cf", "--json")
    assert json.loads(as_json.out) == {
        "found": 6,
        "column": "",
        "users": [
            {
                "user_id": "u0",
                "events": 5,
                "attributes": {"age": "18-24", "gender": "F"},
                "value": None,
            }
        ],
    }


def test_compare_lists_who_gains_and_who_loses(cli: Cli, runs: dict[str, Run]) -> None:
    done = cli("compare", "item-cf", runs["other"].run_id, "--users", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert (content["metric"], content["users"]) == ("ndcg@10", 2)
    assert (content["better"], content["worse"], content["equal"]) == (1, 1, 0)
    (gain,), (loss,) = content["gain"], content["loss"]
    assert (gain["user_id"], gain["first"], gain["second"]) == ("u0", 0.2, 0.7)
    assert gain["delta"] == pytest.approx(0.5)
    assert (loss["user_id"], loss["delta"]) == ("u1", -1.0)
    text = cli("compare", "item-cf", runs["other"].run_id, "--users").out
    assert text.startswith("ndcg@10 of 2 users, from item-cf to other: 1 better, 1 worse, 0 equal")
    assert "gain most" in text
    assert "u0         5   0.2000  0.7000  0.5000  18-24, F" in text


def test_compared_runs_of_one_label_are_told_apart(
    cli: Cli, runs: dict[str, Run], runs_dir: Path
) -> None:
    before = runs["item-cf"].run_id
    after = write_list_run(
        runs_dir, "item-cf", ITEM_CF, ndcg={0: 0.7, 1: 0.0}, created=1.9e9
    ).run_id
    text = cli("compare", before, after, "--users").out
    assert text.startswith(f"ndcg@10 of 2 users, from {before} to {after}: 1 better, 1 worse")
    assert "user  events   first  second   delta  who" in text


def test_wrong_lines_say_what_to_do(cli: Cli, runs: dict[str, Run], runs_dir: Path) -> None:
    elsewhere = write_list_run(runs_dir, "elsewhere", ITEM_CF, fingerprint="cafe").run_id
    split = write_list_run(runs_dir, "split", ITEM_CF, split="another").run_id
    apart = write_list_run(runs_dir, "apart", {}, ndcg={3: 0.5}).run_id
    known = runs["item-cf"].run_id
    for words, message in (
        (("user", "u9", "--run", known), "no user 'u9' in data set 'films'"),
        (("user", "u0", "--run", "20260101-gone"), "no run '20260101-gone'"),
        (("user", "u0", "--run", known, "--run", elsewhere), "is on data set 'films'"),
        (("user", "u0", "--run", elsewhere), "is not the one the run was trained on"),
        (("user",), "user needs an id, or --find"),
        (("user", "--find", "agee=2", "--run", known), "did you mean 'age'?"),
        (("compare", known, split, "--users"), "were judged on different splits"),
        (("compare", known, apart, "--users"), "have no user in common for ndcg@10"),
        (("compare", known, runs["lr"].run_id, known, "--users"), "compares two runs, not 3"),
        (("compare", known, known, "--users", "--metric", "ndcg@5"), "did you mean 'ndcg@10'?"),
    ):
        done = cli(*words)
        assert done.code == 2, words
        assert message in done.err, (words, done.err)
        assert done.err.count("\n") <= 2


def test_nothing_has_run_yet(cli: Cli) -> None:
    done = cli("user", "u0")
    assert done.code == 2
    assert "has succeeded" in done.err


def test_saved_lists_are_shown_without_a_model_library(
    runs: dict[str, Run], runs_dir: Path, data_dir: Path
) -> None:
    code = (
        "import sys\n"
        "from workbench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:], lambda *_: 1)\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)\n"
    )
    folders = ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
    line = [sys.executable, "-c", code, *folders, "user", "u0", "--run", runs["item-cf"].run_id]
    done = subprocess.run([*line, "--k", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Alien (1979)" in done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Runs with models on the sample set."""
    runs, data = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("sample")
    line = ["--runs-dir", str(runs), "--data-dir", str(data), "eval", "--dataset", "sample"]
    models = ["--models", "item-cf", "--quiet", "--threads", "1"]
    assert run_command_line([*line, *models], lambda *_: 1) == 0
    return runs, data


def test_recomputed_lists_are_the_saved_ones_with_the_models_reasons(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    runs, data = trained
    (run,) = list_runs(runs)
    line = ["--runs-dir", str(runs), "--data-dir", str(data), "user", "3", "--run", run.run_id]
    contents = []
    for more in ([], ["--recompute"]):
        capsys.readouterr()
        assert run_command_line([*line, "--json", "--k", "5", *more], lambda *_: 1) == 0
        contents.append(json.loads(capsys.readouterr().out))
        assert violations(contents[-1], schema()) == []
    saved, again = (content["runs"][0] for content in contents)
    assert (saved["source"], again["source"]) == ("saved", "recomputed")
    for one, two in zip(saved["items"], again["items"], strict=True):
        assert one["item_id"] == two["item_id"]
        assert one["score"] == pytest.approx(two["score"], rel=1e-5)
        assert one["held_out"] == two["held_out"]
        assert (one["why"]["how"], two["why"]["how"]) == ("co-rating", "influence")
        known = {event["item_id"] for event in contents[1]["history"]}
        assert {cause["item_id"] for cause in two["why"]["causes"]} <= known


def test_marks_agree_with_the_metric_of_the_run(trained: tuple[Path, Path]) -> None:
    """recall@10 of each user, counted from the marks, is the one the run was judged by."""
    runs, data = trained
    (summary,) = list_runs(runs)
    run = Run(summary.folder)
    recall = values_of(run.path / "results.sqlite", "recall@10")
    with Browse(data, "sample", run.metrics["dataset"]["fingerprint"]) as browse:
        for number in list(recall)[:25]:
            seen = inspect(browse, browse.user(number), [run], 10)
            liked = sum(seen.relevant(past.event) for past in seen.held_out)
            if liked:
                hits = sum(bool(entry.relevant) for entry in seen.listings[0].entries)
                assert recall[number] == pytest.approx(hits / liked)
