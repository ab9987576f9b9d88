"""Sets of repeated events, of labels, and of neither, from a raw file to reports and users."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recsys_core.data.describe import describe
from recsys_core.data.load import load_dataset
from recsys_core.data.registered import list_datasets
from tests.workbench.conftest import Cli
from workbench.store.listing import list_runs
from workbench.store.runs import Run
from workbench.store.users import Browse
from workbench.store.users_inspect import inspect, threshold_of
from workbench.store.users_items import read_item
from workbench.tui.view.data import DataSet, list_table
from workbench.tui.view.data_plots import rating_section, time_plot
from workbench.tui.view.items import item_section
from workbench.tui.view.user_reasons import event_section, genre_section
from workbench.tui.view.users import history_table, item_of

N_USERS, N_ITEMS = 12, 7


def write_plays(path: Path) -> None:
    """Write plays: user u plays u, u + 1 … and comes back to the first two at the end."""
    rows = [
        f"u{user},a{(user + place % 5) % N_ITEMS},{1_600_000_000 + 3600 * place + user}\n"
        for user in range(N_USERS)
        for place in range(7)
    ]
    path.write_text(f"listener,artist,at\n{''.join(rows)}")


def write_clicks(path: Path) -> None:
    """Write showings: a click where user and site are both even or both odd."""
    rows = [
        f"u{user},i{(user * 3 + place) % N_ITEMS},{int(user % 2 == place % 2)},"
        f"{1_600_000_000 + 60 * place},{'ab'[place % 2]}\n"
        for user in range(N_USERS)
        for place in range(20)
    ]
    path.write_text(f"user,item,click,time,site\n{''.join(rows)}")


@pytest.fixture
def plays(cli: Cli, tmp_path: Path) -> str:
    write_plays(tmp_path / "plays.csv")
    columns = "user=listener,item=artist,timestamp=at"
    path = str(tmp_path / "plays.csv")
    assert cli("data", "import", path, "--columns", columns, "--repeats", "keep").code == 0
    return "plays"


@pytest.fixture
def clicks(cli: Cli, tmp_path: Path) -> str:
    write_clicks(tmp_path / "clicks.csv")
    path = str(tmp_path / "clicks.csv")
    assert cli("data", "import", path, "--columns", "site", "--repeats", "keep").code == 0
    return "clicks"


def test_plays_from_the_file_to_a_user(
    cli: Cli, plays: str, runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    described = cli("data", "describe", plays).out
    assert "events            84\n" in described
    assert "note: events of a user with an item met before: 24; lists leave out" in described
    assert "ratings" not in described.replace("no ratings", "")
    report = tmp_path / "report.json"
    line = ["eval", "--dataset", plays, "--models", "popularity,item-cf", "--k", "3", "--quiet"]
    line += ["--report", str(report), "--protocol", "leave-last-out"]
    assert cli(*line).code == 0
    excluded = json.loads(report.read_text())
    # each user's last play is the second of the first five: nobody can be told
    assert [run["counts"]["known_targets"] for run in excluded["runs"]] == [N_USERS] * 2
    assert [run["metrics"]["recall@3"] for run in excluded["runs"]] == [0, 0]
    done = cli(*line, "--set", "protocol.known_items=allow")
    assert "Lists may hold items that their users know" in done.out
    allowed = json.loads(report.read_text())
    assert allowed["protocol"]["fingerprint"] != excluded["protocol"]["fingerprint"]
    assert "known_targets" not in allowed["runs"][0]["counts"]
    assert allowed["runs"][1]["metrics"]["recall@3"] > 0

    run = next(r for r in list_runs(runs_dir) if r.run_id == allowed["runs"][1]["run_id"])
    asked = json.loads(cli("user", "u3", "--run", run.run_id, "--recompute", "--json").out)
    assert asked["runs"][0]["source"] == "recomputed"
    known = {event["item_id"] for event in asked["history"]}
    assert known & {item["item_id"] for item in asked["runs"][0]["items"]}
    shown = cli("user", "u3", "--run", run.run_id).out
    assert "met with" in shown
    assert not any(word in shown for word in ("rating", "rated", "liked"))

    browse = Browse(data_dir, plays)
    inspection = inspect(browse, browse.users([3])[0], (), 5)
    table = history_table(inspection, 100)
    assert [head.key for head in table.heads] == ["mark", "title", "time"]
    (none,) = genre_section(inspection, (), 80).lines
    assert none[0].text == "the items here have no genres"
    keys = [key for key in table.keys if key]
    assert len(set(keys)) == len(keys) == 7  # no two rows of the table are one
    assert [item_of(key) for key in keys][:2] == [item_of(key) for key in keys][-2:]
    again = item_of(keys[0])
    assert again is not None
    text = "\n".join(
        "".join(c.text for c in line) for line in event_section(inspection, again, 80).lines
    )
    assert text.startswith("2 times, last 2020-09-13 18:")
    assert read_item(browse, 3, ()).events == browse.popularity([3])[3] > len(browse.fans(3, 99))


def test_clicks_from_the_file_to_a_user(
    cli: Cli, clicks: str, runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    described = cli("data", "describe", clicks).out
    assert "note: labels, 50.0% of them 1: these are relevant" in described
    assert cli("data", "describe", clicks, "--features").code == 0
    report = tmp_path / "report.json"
    line = (
        "eval",
        "--dataset",
        clicks,
        "--models",
        "popularity,fm",
        "--set",
        "fm.epochs=8",
        "--k",
        "3",
    )
    fast = ("--set", "fm.batch_size=32", "--set", "fm.learning_rate=0.05")
    done = cli(*line, *fast, "--quiet", "--report", str(report))
    assert done.code == 0, done.err
    assert "Labels: events with label 1 are relevant; recall models learn from them." in done.out
    content = json.loads(report.read_text())
    by_label = {run["label"]: run for run in content["runs"]}
    assert by_label["fm"]["metrics"]["auc"] > 0.9  # user and site decide together
    assert set(by_label["fm"]["metrics"]) >= {"auc", "gauc", "logloss", "ece"}
    asked = json.loads(
        cli("user", "u3", "--run", by_label["fm"]["run_id"], "--recompute", "--json").out
    )
    labels = [(event["rating"], event["label"], event["relevant"]) for event in asked["history"]]
    assert set(labels) == {(None, 0, False), (None, 1, True)}
    browse = Browse(data_dir, clicks)
    assert threshold_of(None, browse) == 1
    lines = item_section(browse, read_item(browse, 0, ()), 80).lines
    assert any("labels of its events" in cell.text for line in lines for cell in line)
    assert lines[0][0].text.startswith("id i0  35 events, 49% with label 1")
    listed = list_runs(runs_dir)[0]
    shown = cli("user", "u3", "--run", listed.run_id).out
    assert "1 with label 1 (✔)" in shown
    assert not any(word in shown for word in ("rated", "liked"))
    inspection = inspect(browse, browse.users([3])[0], list(map(Run, [listed.folder])), 5)
    rows = [row.note.text for row in history_table(inspection, 100).rows if row.note]
    assert rows[0] == "held out 2, label 1: 1 ✔"


def test_the_screens_say_what_events_are(cli: Cli, plays: str, clicks: str, data_dir: Path) -> None:
    known = dict.fromkeys(DataSet.__dataclass_fields__, True)
    found = {
        each["name"]: DataSet(**{key: value for key, value in each.items() if key in known})
        for each in list_datasets(data_dir)
    }
    assert found[plays].events_are == found[clicks].events_are == "events"
    assert list_table([found[plays]], None, 30).heads[-1].title == "events"
    for name, title in ((plays, "events"), (clicks, "labels")):
        about = describe(load_dataset(name, data_dir))
        assert rating_section(about, 60, 8).title == title
        assert time_plot(about)[0].startswith("events per")


def test_ranking_models_learn_from_drawn_items(
    cli: Cli, plays: str, runs_dir: Path, tmp_path: Path
) -> None:
    line = (
        "eval",
        "--dataset",
        plays,
        "--models",
        "fm",
        "--set",
        "fm.epochs=2",
        "--k",
        "3",
        "--quiet",
    )
    done = cli(*line)
    assert (done.code, "--set protocol.negatives=4" in done.err) == (2, True)
    done = cli(*line, "--set", "protocol.negatives=2")
    assert done.code == 0, done.err
    assert "Ranking rows: each event beside 2 items drawn as label 0 (uniform)" in done.out
    (run,) = (run for run in list_runs(runs_dir) if run.label == "fm")
    asked = cli("user", "u3", "--run", run.run_id, "--recompute", "--json")
    assert asked.code == 0, asked.err
    (listing,) = json.loads(asked.out)["runs"]
    assert len(listing["items"]) == 3  # the test row and two beside it
