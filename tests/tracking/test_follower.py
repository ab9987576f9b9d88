"""A run told to a tracker that works, is slow, raises, hangs, or comes back."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.reports.folders import make_unfinished
from tests.tracking.fakes import TARGET, Fake, finish, follower, log_of, report, running
from workbench.store.runs import Run
from workbench.tracking.base import End, Start
from workbench.tracking.follow import follow
from workbench.tracking.follower import Limits
from workbench.tracking.journal import following, journal_folder, read_journal

DOWN = ConnectionRefusedError(111, "Connection refused")


def test_what_is_told(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    following_it = follower(run, fake)
    report(run, 1, loss=0.5, auc=None)
    assert following_it.step()
    assert fake.curve == [("fit/loss", 1, 0.5)]  # what has no value is left out
    report(run, 2, loss=0.25)
    finish(run)
    assert not following_it.step()

    start, end = fake.told[0], fake.told[-1]
    assert isinstance(start, Start)
    assert start.params == {
        "model": "mf",
        "dataset": "tiny",
        "protocol.name": "user-timeline",
        "seed": "0",
    }
    assert start.tags["run_id"] == run.run_id
    assert fake.curve[1:] == [("fit/loss", 2, 0.25)]
    assert isinstance(end, End)
    assert (end.state, end.metrics) == ("succeeded", {"ndcg@10": 0.25})
    assert end.intervals == {"ndcg@10": (0.2, 0.3)}
    assert end.params == {"params.neighbours": "250"}
    assert end.tags["split_fingerprint"] == "5f1e"
    assert "ndcg@10" in end.summary
    names = [file.name for file in end.files]
    assert names == ["report.html", "metrics.json", "spec.yaml", "environment.json"]
    journal = read_journal(run.path, TARGET)
    assert journal is not None
    assert (journal.state, journal.values, journal.run) == ("sent", 2, "run-7")
    assert "tracker fake:somewhere: 2 values and the result sent in 0.0" in log_of(run)


def test_a_run_that_failed_ends_there_too(tmp_path: Path) -> None:
    run, fake = Run(make_unfinished(tmp_path, "mf")), Fake()
    assert not follower(run, fake).step()
    assert fake.told[-1].state == "failed"
    assert fake.told[-1].tags["reason"] == "out of memory"


def test_a_killed_job_ends_there_as_interrupted(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    status = run.noted_status()
    (run.path / "status.json").write_text(
        (run.path / "status.json").read_text().replace(f'"pid": {status.pid}', '"pid": 999999999')
    )
    assert not follower(run, fake).step()
    assert fake.told[-1].state == "interrupted"


def test_a_call_that_raises_is_tried_again_with_the_same_values(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    fake.raises = {"begin": [DOWN], "log": [DOWN], "end": [DOWN]}
    report(run, 1, loss=0.5)
    following_it = follower(run, fake)
    for _ in range(3):
        assert following_it.step()
    assert fake.curve == [("fit/loss", 1, 0.5)]
    finish(run)
    following_it.step()
    assert following_it.journal.state == "sent"


def test_one_that_is_down_is_left_alone_and_tried_once_more_at_the_end(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    fake.raises["begin"] = [DOWN] * 4
    following_it = follower(run, fake)
    for epoch in range(10):
        report(run, epoch, loss=0.5)
        assert following_it.step()
    assert len(fake.raises["begin"]) == 1  # three tries
    finish(run)
    following_it.step()
    assert len(fake.curve) == 10  # it came back
    assert following_it.journal.state == "sent"


def test_one_that_stays_down_is_named_in_one_line(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    fake.raises["log"] = [ConnectionError("https://me:pass@host refused token=abc")] * 99
    report(run, 1, loss=0.5, auc=0.5)
    following_it = follower(run, fake)
    following_it.step()
    finish(run)
    following_it.step()
    (line,) = log_of(run).splitlines()
    assert line.endswith(
        "tracker fake:somewhere: 2 values and the result were not sent:"
        " ConnectionError: https://…@host refused token=…"
    )
    assert "pass" not in (journal_folder(run.path, TARGET) / "journal.json").read_text()


def test_one_that_never_answers_is_given_up(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    fake.hangs = {"begin"}
    following_it = follower(run, fake, Limits(call=0.05, end=300.0))
    assert following_it.step()
    report(run, 1, loss=0.5)
    assert following_it.step()  # left alone: one thread waits, not one per step
    finish(run)
    assert not following_it.step()
    assert following_it.journal.state == "incomplete"
    assert "1 values and the result were not sent: no answer within 0.05 s" in log_of(run)
    assert run.status().state == "succeeded"


def test_one_that_is_slow_lags_behind_and_gets_all(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    following_it = follower(run, fake)
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait()

    fake.before_log = wait
    report(run, 1, loss=0.5)
    slow = threading.Thread(target=following_it.step)
    slow.start()
    begun.wait()
    for epoch in range(2, 6):  # the job does not wait
        report(run, epoch, loss=0.5)
    finish(run)
    go_on.set()
    slow.join()
    following_it.step()
    assert [step for _, step, _ in fake.curve] == [1, 2, 3, 4, 5]


def test_a_run_that_goes_on_goes_on_there(tmp_path: Path) -> None:
    run, fake = running(tmp_path), Fake()
    report(run, 1, loss=0.5)
    follower(run, fake).step()  # and is killed
    report(run, 2, loss=0.25)
    finish(run)
    again = Fake()
    follower(run, again).step()
    assert again.curve == [("fit/loss", 2, 0.25)]
    assert read_journal(run.path, TARGET).values == 2  # type: ignore[union-attr]


def test_one_process_at_a_time_and_nothing_twice(tmp_path: Path) -> None:
    run = running(tmp_path)
    finish(run)
    with following(run.path, TARGET):
        follow(run, TARGET)  # there is no tracker `fake` here, and it is not looked for
    assert read_journal(run.path, TARGET) is None
    follower(run, Fake()).step()
    before = read_journal(run.path, TARGET)
    follow(run, TARGET)
    assert read_journal(run.path, TARGET) == before
