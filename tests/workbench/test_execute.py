"""One job into one run folder, and everything that can end it."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.run import load_split
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from tests.data.small import SMALL
from tests.full_disk import full_disk
from tests.workbench import trouble
from workbench.jobs.execute import Outcome, execute, resumable_spec, resume
from workbench.jobs.interrupts import asked_to_end, check, interruptible, undisturbed
from workbench.jobs.logs import EventLog
from workbench.store.listing import list_runs
from workbench.store.packed import metric_of_users
from workbench.store.runs import Run


@pytest.fixture(scope="session")
def split(data_dir: Path) -> Split:
    return load_split(JobSpec(dataset=SMALL, model="popularity"), data_dir=data_dir)


README = Path(__file__).parents[2] / "runs/README.md"
RESULT_FILES = {"metrics.json", "results.sqlite", "model"}
Do = Callable[..., Outcome]


@pytest.fixture
def do(split: Split, runs_dir: Path, data_dir: Path) -> Do:
    def run(
        model: str = "popularity",
        *,
        fresh: bool = False,
        on_event: OnEvent = ignore,
        label: str = "",
        seed: int = 0,
        **params: Any,
    ) -> Outcome:
        spec = JobSpec(dataset=SMALL, model=model, params=params, label=label, seed=seed, threads=1)
        return execute(
            spec, split, runs_dir=runs_dir, data_dir=data_dir, fresh=fresh, on_event=on_event
        )

    return run


def names(run: Run) -> set[str]:
    return {path.name for path in run.path.iterdir()}


def documented(file: str) -> list[str]:
    """Read the fields that the table of a file names in its first column."""
    section = README.read_text().partition(f"## {file}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [field for row in rows for field in re.findall(r"`(\w+)`", row)]


def test_a_run_folder_has_what_its_readme_says(do: Do, split: Split) -> None:
    run = do(label="top").run
    assert names(run) == {
        *("spec.yaml", "status.json", "events.jsonl", "log.txt", "environment.json"),
        *("metrics.json", "results.sqlite", "model"),
    }
    status = run.status()
    assert (status.state, status.exit_code, status.reason) == ("succeeded", 0, None)
    assert None not in (status.created, status.started, status.ended)
    assert run.spec["label"] == "top"
    assert run.metrics["label"] == "top"
    assert sorted(run.metrics) == sorted(documented("metrics.json"))
    assert run.environment["split_fingerprint"] == split.fingerprint
    values = metric_of_users(run.path / "results.sqlite", "ndcg@10").values
    assert np.nanmean(values) == pytest.approx(run.metrics["metrics"]["ndcg@10"], abs=1e-12)
    assert run.run_id not in "".join(
        path.read_text() for path in run.path.iterdir() if path.suffix in (".json", ".yaml")
    )


def test_runs_of_a_split_keep_its_histories_once_and_can_be_moved(
    do: Do, data_dir: Path, runs_dir: Path, tmp_path: Path
) -> None:
    first, second = (do(model).run.path for model in ("popularity", "item-cf"))
    files = [folder / "model" / "history.npz" for folder in (first, second)]
    assert files[0].samefile(files[1])
    other = JobSpec(dataset=SMALL, model="popularity", protocol={"name": "leave-last-out"})
    outcome = execute(
        other, load_split(other, data_dir=data_dir), runs_dir=runs_dir, data_dir=data_dir
    )
    assert not (outcome.run.path / "model" / "history.npz").samefile(files[0])
    copied = shutil.copytree(second, tmp_path / "elsewhere" / "run")
    expected = Recommender.load(second, data_dir).recommend("1", k=3)
    shutil.rmtree(first)
    assert Recommender.load(second, data_dir).recommend("1", k=3) == expected
    assert Recommender.load(copied, data_dir).recommend("1", k=3) == expected


def test_the_same_job_is_reused_under_any_label(do: Do) -> None:
    first = do(label="a")
    again = do(label="b")
    assert (again.run, again.label, again.reused) == (first.run, "b", True)
    assert not do(fresh=True).reused
    assert not do(seed=1).reused


def test_a_failed_run_is_not_reused(do: Do) -> None:
    assert do(trouble.NAME, trouble="bug").state == "failed"
    assert not do(trouble.NAME, trouble="bug").reused


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bug", "ValueError: shapes (3,) and (4,)"),
        ("input", "ease wants 30 GB; use item-cf"),
        ("memory", "out of memory"),
        ("exit", "its code ended the process: SystemExit: 0"),
        ("pipe", "BrokenPipeError: Broken pipe"),
    ],
)
def test_a_job_that_fails_says_why(do: Do, kind: str, reason: str) -> None:
    outcome = do(trouble.NAME, trouble=kind)
    assert (outcome.state, outcome.reason) == ("failed", reason)
    status = outcome.run.status()
    assert (status.state, status.exit_code, status.reason) == ("failed", 3, reason)
    assert "Traceback (most recent call last)" in (outcome.run.path / "log.txt").read_text()
    assert names(outcome.run).isdisjoint(RESULT_FILES)


@pytest.mark.parametrize("kind", ["full database", "full array", "full tensor"])
def test_a_full_disk_is_named_whichever_library_met_it(do: Do, kind: str) -> None:
    outcome = do(trouble.NAME, trouble=kind)
    assert outcome.reason == (
        f"{outcome.run.path}: cannot be written: No space left on device;"
        " free some space, or choose another place"
    )


def test_warnings_of_libraries_go_to_the_log(do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = do(trouble.NAME, trouble="warning")
    assert outcome.state == "succeeded"
    assert "ill-conditioned" in (outcome.run.path / "log.txt").read_text()
    assert capsys.readouterr().err == ""


def interrupt_at(stage: str, step: int = 0) -> OnEvent:
    def listen(event: Event) -> None:
        if event.stage == stage and event.step >= step:
            raise KeyboardInterrupt

    return listen


@pytest.mark.parametrize("stage", ["fit", "evaluate"])
def test_an_interrupted_job_is_cancelled(do: Do, runs_dir: Path, stage: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        do(on_event=interrupt_at(stage))
    (found,) = list_runs(runs_dir)
    assert (found.state, found.reason) == ("cancelled", "asked to end by ctrl-C or a signal")
    run = Run(found.folder)
    assert run.status().exit_code == 130
    assert names(run) == {"spec.yaml", "status.json", "environment.json", "events.jsonl", "log.txt"}


def test_an_interrupt_that_a_library_turns_into_an_error_still_cancels(
    do: Do, runs_dir: Path
) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        do(trouble.NAME, trouble="swallowed interrupt")
    assert [run.state for run in list_runs(runs_dir)] == ["cancelled"]


def test_signals_are_raised_noted_and_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
        assert not asked_to_end()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_resumed_run_ends_as_an_undisturbed_one(
    do: Do, runs_dir: Path, data_dir: Path, split: Split
) -> None:
    params = {"epochs": 4, "patience": 0}
    undisturbed_run = do("lr", **params).run
    epochs = 0

    def after_two_epochs(event: Event) -> None:
        nonlocal epochs
        epochs += "loss" in event.metrics
        if epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do("lr", fresh=True, on_event=after_two_epochs, **params)
    run = Run(list_runs(runs_dir)[0].folder)
    assert "checkpoint" in names(run)
    seen: list[Event] = []
    outcome = resume(run, resumable_spec(run), split, data_dir=data_dir, on_event=seen.append)
    assert outcome.state == "succeeded"
    assert outcome.run.metrics["metrics"] == undisturbed_run.metrics["metrics"]
    assert sum("loss" in event.metrics for event in seen) < 4, "it did not start over"
    assert "checkpoint" not in names(run)
    with pytest.raises(InputError, match="succeeded: there is nothing to resume"):
        resumable_spec(run)


def test_a_run_on_other_data_is_not_resumed(
    do: Do, runs_dir: Path, data_dir: Path, split: Split
) -> None:
    with pytest.raises(KeyboardInterrupt):
        do(on_event=interrupt_at("fit"))
    run = Run(list_runs(runs_dir)[0].folder)
    path = run.path / "environment.json"
    path.write_text(json.dumps({"split_fingerprint": "another"}))
    with pytest.raises(InputError, match="began on other data"):
        resume(run, resumable_spec(run), split, data_dir=data_dir)


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_a_full_disk_fails_the_job_and_nothing_looks_good(
    do: Do, runs_dir: Path, size: int
) -> None:
    with full_disk(size):
        outcome = do()
    assert outcome.state == "failed"
    assert "cannot be written" in outcome.reason
    assert "\n" not in outcome.reason
    assert names(outcome.run).isdisjoint(RESULT_FILES)
    assert not list(outcome.run.path.rglob("*.partial"))
    assert [run.state for run in list_runs(runs_dir)] == ["failed"]
    assert not do().reused


def test_events_are_throttled_but_no_values_are_lost(tmp_path: Path) -> None:
    times = iter(x / 1000 for x in range(10_000))
    path = tmp_path / "events.jsonl"
    with path.open("ab", buffering=0) as file:
        log = EventLog(file, clock=lambda: next(times))
        for step in range(1, 1001):  # a step each millisecond
            log(Event("fit", step, 1000))
            if step % 100 == 0:
                log(Event("fit", step, 1000, {"loss": float("nan") if step == 100 else 0.5}))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    values = [line["metrics"]["loss"] for line in lines if line["metrics"]]
    assert values == [None, *[0.5] * 9]
    progress = [line["step"] for line in lines if not line["metrics"]]
    assert progress[0] == 1
    assert progress[-1] == 1000
    assert len(progress) <= 22, "20 per second, the first and the last"


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("stage", ["load", "evaluate"])
def test_a_run_whose_folder_is_taken_away_fails_and_leaves_nothing(
    do: Do, runs_dir: Path, tmp_path: Path, moved: bool, stage: str
) -> None:
    def take_away(event: Event) -> None:
        if runs_dir.exists() and event.stage in (stage, "evaluate"):
            runs_dir.rename(tmp_path / "moved") if moved else shutil.rmtree(runs_dir)

    outcome = do(on_event=take_away)
    assert outcome.state == "failed"
    assert outcome.reason == (
        f"{outcome.run.path}: the run folder was moved or deleted while the job ran"
    )
    assert not runs_dir.exists()
    if moved:
        (left,) = list_runs(tmp_path / "moved")
        assert not (left.folder / "metrics.json").exists()


def test_a_run_without_its_job_is_made_anew(do: Do) -> None:
    first = do()
    (first.run.path / "spec.yaml").unlink()
    second = do()
    assert (second.state, second.reused) == ("succeeded", False)
    assert do().run == second.run
