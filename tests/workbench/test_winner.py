"""Using a winner, as docs/serving.md walks through it: compared, fitted on all rows, written."""

from __future__ import annotations

import csv
import json
import random
import shlex
from pathlib import Path

import pytest

from tests.workbench.conftest import Cli
from tests.workbench.test_docs import ROOT, blocks
from workbench.cli.main import run_command_line
from workbench.store.listing import list_runs
from workbench.store.runs import Run

USERS, ITEMS, SALE = 60, 30, ["i2", "i3", "i5", "i8", "i13"]


def write_events(path: Path) -> None:
    """Two kinds of customers, who buy from one half of the shop each."""
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user", "item", "timestamp"))
        for user in range(1, USERS + 1):
            half = [item for item in range(1, ITEMS + 1) if item % 2 == user % 2]
            for place, item in enumerate(draw.sample(half, 10)):
                writer.writerow((f"u{user}", f"i{item}", 1_700_000_000 + 86_400 * place + user))


def test_the_walkthrough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [parquet]")
    monkeypatch.chdir(tmp_path)
    write_events(Path("events.csv"))
    Path("sale.txt").write_text("\n".join(SALE))
    for line in blocks(ROOT / "docs" / "serving.md", "sh")[0].splitlines():
        capsys.readouterr()
        assert run_command_line(shlex.split(line)[1:], lambda *_: 1) == 0, line
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()[1:]]
    assert {row[0] for row in rows} == {"u1", "u2"}
    assert {row[2] for row in rows} <= set(SALE) - {"i3", "i4"}

    table = parquet.read_table("lists.parquet").to_pydict()
    with Path("events.csv").open(newline="") as file:
        bought = {(row["user"], row["item"]) for row in csv.DictReader(file)}
    listed = list(zip(table["user"], table["item"], strict=True))
    assert len(set(table["user"])) == USERS
    assert set(table["rank"]) == set(range(1, 21))
    assert not bought & set(listed)
    # the five items of the own half that were not bought yet, test events included, come first
    first = [pair for pair, rank in zip(listed, table["rank"], strict=True) if rank <= 5]
    own = [int(user[1:]) % 2 == int(item[1:]) % 2 for user, item in first]
    assert sum(own) / len(own) > 0.9

    judged, refit = (
        next(run for run in list_runs(Path("runs")) if run.label == label)
        for label in ("item-cf", "item-cf-refit")
    )
    assert (refit.refit_of, refit.metrics) == (judged.run_id, {})
    assert judged.metrics["ndcg@10"] > 0


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> tuple[Path, str, str]:
    """Make a run and its refit; return the runs folder and their ids."""
    runs = tmp_path_factory.mktemp("runs")
    start = ["--runs-dir", str(runs), "--data-dir", str(data_dir), "train", "--quiet"]
    line = ["--model", "popularity", "--dataset", "small", "--label", "top"]
    assert run_command_line([*start, *line], lambda *_: 1) == 0
    assert run_command_line([*start, "--refit", "top"], lambda *_: 1) == 0
    refit, judged = list_runs(runs)
    return runs, judged.run_id, refit.run_id


@pytest.fixture
def runs_dir(folders: tuple[Path, str, str]) -> Path:
    """Let `cli` work on these runs."""
    return folders[0]


def test_a_refit_is_marked_wherever_it_is_shown(
    folders: tuple[Path, str, str], cli: Cli, tmp_path: Path
) -> None:
    runs_dir, judged, refit = folders
    result = Run(runs_dir / refit).metrics
    assert (result["refit_of"], result["metrics"], result["ci95"]) == (judged, {}, {})
    assert Run(runs_dir / judged).metrics["refit_of"] is None
    spec = Run(runs_dir / refit).spec
    assert (spec["refit"]["run"], spec["label"]) == (judged, "top-refit")

    assert "top-refit (all rows)" in cli("runs", "list").out
    listed = json.loads(cli("runs", "list", "--json").out)
    assert [run["refit_of"] for run in listed] == [judged, ""]
    assert f"{judged}, on all rows: not judged" in cli("runs", "show", refit).out

    files = [tmp_path / f"report.{ending}" for ending in ("json", "md", "html", "csv", "xml")]
    reports = [word for file in files for word in ("--report", str(file))]
    again = cli("train", "--refit", "top", "--quiet", *reports)  # reused
    assert again.code == 0
    assert len(list_runs(runs_dir)) == 2
    note = f"Fitted on all rows, not judged: top-refit, a repetition of run {judged}."
    assert note in " ".join(again.out.split())
    report = json.loads(files[0].read_text())
    assert (report["runs"][0]["refit_of"], report["summary"]) == (judged, [])
    assert all(note in file.read_text() for file in files[1:3])
    asked = cli("user", "1", "--run", refit, "--k", "3")
    assert "top-refit (all rows)" in asked.out
    assert f"as run {judged} without being judged" in " ".join(asked.out.split())
    assert "top-refit" not in cli("user", "1", "--k", "3").out  # only what was judged, unasked


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("compare {judged} {refit}", "compare: run {refit} was fitted on all rows"),
        ("compare {judged} {refit} --users", "compare: run {refit} was fitted on all rows"),
        (
            "train --model popularity --dataset small --label top-refit --baseline {refit}",
            "so it was not judged and has no values\nname the run that it repeats: {judged}",
        ),
        ("train --refit {refit}", "fitted on all rows already: it has chosen nothing itself"),
        ("train --refit top --gate top:ndcg@10>=0", "--gate and --baseline are not allowed"),
        ("train --refit top --baseline {judged}", "--gate and --baseline are not allowed"),
        ("train --refit top --set smoothing=1", "--refit fits the job of a run unchanged"),
        ("train --refit top --model mf", "--refit fits the job of a run unchanged"),
        ("train --refit top --resume {judged}", "--refit fits the job of a run unchanged"),
        ("queue add --refit top --seeds 1", "--refit fits the job of a run unchanged"),
        ("queue add --refit top --model mf", "queue add needs one of --model NAME"),
        ("train --refit nothing", "no run 'nothing'"),
    ],
)
def test_what_is_not_judged_judges_nothing(
    folders: tuple[Path, str, str], cli: Cli, line: str, message: str
) -> None:
    _, judged, refit = folders
    quiet = ["--quiet"] if line.startswith("train") else []
    done = cli(*line.format(judged=judged, refit=refit).split(), *quiet)
    assert done.code == 2
    assert message.format(judged=judged, refit=refit) in done.err


def test_a_part_that_is_a_run_is_refitted_first(
    folders: tuple[Path, str, str], cli: Cli, tmp_path: Path
) -> None:
    runs_dir, judged, refit = folders
    config = tmp_path / "two.yaml"
    config.write_text(f"{{channels: [{{run: {judged}}}], ranker: {{model: none}}}}")
    line = ["--model", "two-stage", "--dataset", "small", "--config", str(config)]
    assert cli("train", *line, "--quiet").code == 0
    away = (runs_dir / refit).rename(tmp_path / refit)
    done = cli("train", "--refit", "two-stage", "--quiet")
    away.rename(runs_dir / refit)
    assert done.code == 2
    assert f"takes a model from run {judged}, which has to be fitted on all rows first" in done.err
    assert f"recsys-workbench train --refit {judged}, then this again" in done.err
    assert cli("train", "--refit", "two-stage", "--quiet").code == 0
    (run,) = [run for run in list_runs(runs_dir) if run.label == "two-stage-refit"]
    assert Run(run.folder).spec["params"]["channels"][0]["run"] == str(runs_dir / refit)


def test_a_refit_goes_through_the_queue(
    folders: tuple[Path, str, str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_dir, judged, _ = folders
    monkeypatch.setattr("workbench.cli.queue._go_on", lambda settings: None)
    done = cli("queue", "add", "--refit", "top", "--label", "for-use")
    assert done.code == 0
    run = Run(runs_dir / done.out.strip())
    assert run.status().state == "queued"
    assert (run.spec["label"], run.spec["refit"]["run"]) == ("for-use", judged)
    assert "for-use (all rows)" in cli("runs", "list").out
    changed = cli("queue", "edit", run.run_id, "--seed", "3")
    assert changed.code == 2
    assert "its fields stay as they are" in changed.err
    assert cli("queue", "edit", run.run_id, "--label", "in-use").code == 0
