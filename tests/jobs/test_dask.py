"""The same jobs on a Dask cluster: a real scheduler and two worker processes on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
from distributed import Client

from recsys_core.pipeline import judges
from recsys_core.pipeline.run import fit_job, judge_job, load_split
from recsys_core.pipeline.spec import JobSpec
from recsys_core.recall.base import RecallModel
from tests.data.small import SMALL
from tests.extensions.conftest import Install
from tests.extensions.conftest import install as install
from tests.jobs.tools import AddJob, reason_of, state_of
from tests.workbench.conftest import no_session
from workbench.cli.main import run_command_line
from workbench.jobs import dask_executor
from workbench.jobs.dask_parcel import (
    find_data,
    keep_data,
    pack_data,
    pack_job,
    pack_result,
    read_files,
    unpack_job,
    write_files,
)
from workbench.jobs.executors import Executors
from workbench.jobs.queue import Entry, cancel, read_entry, requeue
from workbench.jobs.service import wait_for_supervisor
from workbench.jobs.supervisor import Supervisor, serve
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.packed import packed_values
from workbench.store.runs import Run, Status

Within = Callable[[float, Callable[[], bool]], float]
#: seconds for a job to end on a busy machine
END = 180.0
#: a metric of a package that is installed on the workers
METRIC = Path(__file__).parent / "trial_metric.py"


class Cluster:
    """A scheduler and workers, processes of this machine."""

    def __init__(self, folder: Path, *plugins: Path) -> None:
        self.folder = folder
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        # a profile of each worker, taken a hundred times a second, is of no use here
        quiet = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
        path = os.pathsep.join([*map(str, plugins), os.environ["PYTHONPATH"]])
        self._environment = {**os.environ, **threads, **quiet, "PYTHONPATH": path}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        self._processes = [self._start("scheduler", *options)]

    def add_worker(self) -> None:
        number = len(self._processes)
        folder = self.folder / f"worker-{number}"
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory"]
        self._processes.append(self._start("worker", self.address, *options, str(folder)))

    def _start(self, *line: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *line]
        with (self.folder / "cluster.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def wait_for(self, workers: int) -> None:
        with Client(self.address, timeout=END, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=END)

    def kill_worker(self, address: str) -> None:
        with Client(self.address, set_as_default=False) as client:
            pid = client.run(os.getpid, workers=[address])[address]
        os.kill(pid, signal.SIGKILL)

    def kill_scheduler(self) -> None:
        self._processes[0].kill()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Path) -> Iterator[Cluster]:
    metric = tmp_path_factory.mktemp("metric")
    shutil.copy(METRIC, metric)
    info = metric / "trials-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trials\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[recsys_workbench.extensions]\ntrials = trial_metric\n")
    started = Cluster(tmp_path_factory.mktemp("cluster"), plugin_folder, metric)
    started.add_worker()
    started.add_worker()
    try:
        started.wait_for(2)
        yield started
    finally:
        started.close()


@pytest.fixture
def supervise(runs_dir: Path, cluster: Cluster) -> Iterator[Callable[[], None]]:
    """Supervise the queue from this process, in the background, as `queue work` does."""
    ends: list[bool] = []
    threads: list[Thread] = []

    def begin() -> None:
        supervisor = Supervisor(runs_dir, Executors(cluster.address))
        options: dict[str, Any] = {"linger": 0.3, "until": lambda: bool(ends)}
        threads.append(Thread(target=serve, args=(supervisor,), kwargs=options))
        threads[-1].start()

    yield begin
    ends.append(True)
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()


def is_over(run: Run) -> bool:
    return state_of(run) not in ("queued", "running")


def begun(run: Run) -> bool:
    return any(event["stage"] == "fit" and event["step"] for event in run.events()[0])


def worker_of(run: Run) -> str:
    """Read from the log which worker has a job."""
    lines = [x for x in (run.path / "log.txt").read_text().splitlines() if " has it" in x]
    return lines[-1].split()[3]


def processes_on(cluster: Cluster) -> set[int]:
    """Find what Dask's workers started: for each job the one that looks after it, and the job."""
    modules = {"workbench.jobs.dask_host", "workbench.jobs.worker"}
    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if modules & set(process.info["cmdline"] or [])
        and str(cluster.folder) in process.info["cmdline"][-1]
    }


def test_eval_gives_the_report_of_this_machine(
    cluster: Cluster, runs_dir: Path, data_dir: Path, tmp_path: Path, install: Install
) -> None:
    """With a metric of a package that is installed on both."""
    install({"trial_metric": METRIC.read_text()})
    reports = []
    for name, options in (
        ("here", ["--jobs", "1"]),
        ("there", ["--jobs", "2", "--executor", "dask", "--scheduler", cluster.address]),
    ):
        report = tmp_path / f"{name}.json"
        folders = ["--runs-dir", str(runs_dir.parent / name), "--data-dir", str(data_dir)]
        line = ["eval", "--models", "item-cf,popularity", "--dataset", "small"]
        line += ["--threads", "1", "--quiet", "--report", str(report), *options, *folders]
        assert run_command_line(line, no_session) == 0
        reports.append(json.loads(report.read_text()))
    here, there = ([(x["label"], x["metrics"], x["ci95"]) for x in r["runs"]] for r in reports)
    assert there == here
    assert all(metrics["trials@10"] == 1 for _, metrics, _ in there)
    keys = ("summary", "gates", "dataset", "protocol")
    assert [reports[1][key] for key in keys] == [reports[0][key] for key in keys]
    runs = {
        name: sorted(list_runs(runs_dir.parent / name), key=lambda run: run.label)
        for name in ("here", "there")
    }
    for one, other in zip(runs["here"], runs["there"], strict=True):
        assert one.reuse_key == other.reuse_key
        assert not {x.name for x in one.folder.iterdir()} - {x.name for x in other.folder.iterdir()}
        run = Run(other.folder)
        stages = [event["stage"] for event in run.events()[0]]
        assert list(dict.fromkeys(stages)) == ["load", "split", "fit", "evaluate"]
        assert (run.status().cpu_seconds or 0) > 0.1
        assert (run.status().peak_rss_mb or 0) > 20
        assert worker_of(run).startswith("tcp://127.0.0.1:")


def test_cancel_limits_and_trouble_are_as_at_home(
    supervise: Callable[[], None], cluster: Cluster, add: AddJob, within: Within
) -> None:
    endless = add("endless", seconds=600, entry={"jobs": 2})
    slow = add("slow", seconds=600, entry={"time_limit": 1.0})
    silent, wrong = add("silent", exit_code=7), add("wrong", model="trail")
    supervise()
    within(END, lambda: begun(endless))
    cancel(endless)
    within(END, lambda: is_over(endless))
    assert (state_of(endless), reason_of(endless)) == ("cancelled", "cancelled while it ran")
    within(END, lambda: is_over(slow) and is_over(silent) and is_over(wrong))
    assert (state_of(slow), reason_of(slow)) == (
        "failed",
        "stopped: longer than 1 s",
    )
    assert (state_of(silent), reason_of(silent)) == (
        "interrupted",
        "its process ended with exit code 7",
    )
    assert "unknown model 'trail'" in reason_of(wrong)
    assert "unknown model 'trail'" in (wrong.path / "log.txt").read_text()
    within(END, lambda: not processes_on(cluster))


@pytest.mark.soak
def test_a_training_that_was_cut_short_goes_on_from_its_checkpoint(
    supervise: Callable[[], None], add: AddJob, within: Within
) -> None:
    def epochs(run: Run) -> int:
        return sum("loss" in event["metrics"] for event in run.events()[0])

    run = add("lr", model="lr", dataset="sample", epochs=300, batch_size=512, patience=0)
    supervise()
    within(END, lambda: epochs(run) >= 2)
    cancel(run)
    within(END, lambda: is_over(run))
    assert (run.path / "checkpoint").is_dir()
    done = epochs(run)
    assert done < 300
    requeue(run, Entry("", ""), resume=True)
    supervise()
    within(END, lambda: epochs(run) > done)
    assert run.events()[0][-1]["step"] > done
    cancel(run)
    within(END, lambda: is_over(run))


def test_the_data_set_is_sent_to_a_machine_that_lacks_it(
    supervise: Callable[[], None],
    add: AddJob,
    data_dir: Path,
    within: Within,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def elsewhere(run: Run, entry: Entry) -> dict[str, Any]:
        job = pack_job(run, entry)
        return {**job, "entry": {**job["entry"], "data_dir": "/no/such/disk"}}

    monkeypatch.setattr(dask_executor, "pack_job", elsewhere)
    runs = [add("first", model="popularity"), add("second", model="popularity")]
    supervise()
    within(END, lambda: all(is_over(run) for run in runs))
    assert [state_of(run) for run in runs] == ["succeeded"] * 2
    assert "sending data set small" in (runs[0].path / "log.txt").read_text()
    one, other = (run.metrics["metrics"] for run in runs)
    assert one == other


def test_two_workers_judge_as_one_process_and_get_the_model_once(
    cluster: Cluster, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = JobSpec(dataset=SMALL, model="item-cf", threads=1)
    split = load_split(spec, data_dir=data_dir)
    fitted = fit_job(spec, split)
    monkeypatch.setattr("recsys_core.recall.base.block_rows", lambda width: 20)
    alone = judge_job(fitted, spec).judged.evaluation
    sent: list[int] = []

    def noted(model: RecallModel[Any]) -> dict[str, Any]:
        sent.append(1)
        return vars(model)

    monkeypatch.setattr(RecallModel, "__getstate__", noted, raising=False)
    with Client(cluster.address), joblib.parallel_config(backend="dask"):
        spread = judge_job(fitted, spec).judged.evaluation
    assert len(sent) <= 2  # once for the lists and once for the validation metric
    assert spread.metrics == pytest.approx(alone.metrics, rel=1e-12, nan_ok=True)
    assert spread.counts == alone.counts
    for name, interval in alone.ci95.items():
        assert spread.ci95[name] == pytest.approx(interval, rel=1e-12, nan_ok=True)
    for name, values in alone.user_metrics.items():
        np.testing.assert_allclose(spread.user_metrics[name], values, rtol=1e-12)


@pytest.fixture
def evaluated(
    cluster: Cluster,
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, str, list[Run]]]:
    """`eval`, with small blocks: its exit code, what it says, and its runs by label."""
    monkeypatch.setattr("recsys_core.recall.base.block_rows", lambda width: 9)
    monkeypatch.setattr("recsys_core.ranking.ranker.PREDICT_ROWS", 50)

    def evaluate(models: str, *, there: bool) -> tuple[int, str, list[Run]]:
        runs_dir = tmp_path / f"runs-{there}"
        line = ["eval", "--models", models, "--dataset", SMALL, "--threads", "1", "--plain"]
        line += ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir), "--fresh"]
        line += ["--set", "lr.epochs=1"] if "lr" in models else []
        if there:
            line += ["--executor", "dask-eval", "--scheduler", cluster.address]
        code = run_command_line(line, no_session)
        runs = sorted(list_runs(runs_dir), key=lambda run: run.label)
        return code, capsys.readouterr().err, [Run(run.folder) for run in runs]

    return evaluate


def check_equal(ours: Run, theirs: Run) -> None:
    """Check metrics, intervals and values of users to 1e-12."""
    for name in ("metrics", "ci95", "validation"):
        assert ours.metrics[name] == {
            key: value if value is None else pytest.approx(value, rel=1e-12)
            for key, value in theirs.metrics[name].items()
        }
    one, other = (packed_values(run.path / "results.sqlite") for run in (ours, theirs))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.users, other.users)
    for name, values in other.values.items():
        np.testing.assert_allclose(one.values[name], values, rtol=1e-12)


def test_eval_here_with_judges_there_gives_the_same_figures(
    evaluated: Callable[..., tuple[int, str, list[Run]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    does, here = judges._do, os.getpid()

    def noted(work: Any, slices: Any, threads: int) -> list[Any]:
        assert (os.getpid() != here, threads) == (True, 1)
        return does(work, slices, threads)

    monkeypatch.setattr(judges, "_do", noted)
    models = "item-cf,lr"
    (code, said, spread), (_, _, alone) = (evaluated(models, there=far) for far in (True, False))
    assert code == 0, said
    assert len(spread) == len(alone) == 2
    for ours, theirs in zip(spread, alone, strict=True):
        check_equal(ours, theirs)


def test_a_judge_that_is_killed_is_said_and_its_part_done_again(
    cluster: Cluster,
    evaluated: Callable[..., tuple[int, str, list[Run]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    does, left = judges._do, tmp_path / "left"

    def deadly(work: Any, slices: Any, threads: int) -> list[Any]:
        """End the worker, as often as there is a file for it."""
        for file in left.glob("*"):
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return does(work, slices, threads)

    monkeypatch.setattr(judges, "_do", deadly)
    left.mkdir()
    (left / "1").touch()
    code, said, (run,) = evaluated("item-cf", there=True)
    assert code == 0, said
    assert re.search(r"worker tcp://127.0.0.1:\d+ was lost: others do its part", said)
    (whole,) = evaluated("item-cf", there=False)[2]
    check_equal(run, whole)

    (left / "1").touch()  # the only one that is left
    code, said, runs = evaluated("item-cf", there=True)
    cluster.add_worker()
    cluster.add_worker()
    assert code == 3, said
    (reason,) = [reason_of(run) for run in runs if state_of(run) == "interrupted"]
    assert "all workers that had the model are gone" in reason
    cluster.wait_for(2)


def test_a_lost_worker_costs_no_job_and_leaves_nothing_behind(
    supervise: Callable[[], None], cluster: Cluster, add: AddJob, within: Within
) -> None:
    run = add(seconds=1.5)
    supervise()
    within(END, lambda: begun(run))
    lost = worker_of(run)
    before = processes_on(cluster)
    assert len(before) == 2
    cluster.kill_worker(lost)
    within(END, lambda: is_over(run))
    cluster.add_worker()
    assert state_of(run) == "succeeded"
    assert worker_of(run) != lost
    said = f"worker {lost} was lost: beginning again"
    assert said in (run.path / "log.txt").read_text()
    assert said in [event["message"] for event in run.events()[0]]  # which commands show
    within(END, lambda: not before & processes_on(cluster))
    cluster.wait_for(2)


def test_jobs_of_a_killed_supervisor_end_on_the_cluster_too(
    cluster: Cluster, add: AddJob, runs_dir: Path, within: Within
) -> None:
    run = add(seconds=600)
    line = [sys.executable, "-m", "workbench", "queue", "work", "--foreground"]
    line += ["--executor", "dask", "--scheduler", cluster.address, "--runs-dir", str(runs_dir)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        within(END, lambda: begun(run))
        assert wait_for_supervisor(runs_dir) == process.pid
        process.kill()
    assert state_of(run) == "interrupted"
    within(END, lambda: not processes_on(cluster))


def test_a_scheduler_that_is_not_there_is_named(
    add: AddJob, runs_dir: Path, within: Within, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "_CONNECT", 0.5)
    nobody = add("nobody", entry={"scheduler": "tcp://127.0.0.1:1"})
    nonsense = add("nonsense", entry={"scheduler": "http://here"})
    serve(Supervisor(runs_dir), linger=0.0, until=lambda: False)
    assert reason_of(nobody) == (
        "no Dask scheduler answers at tcp://127.0.0.1:1: OSError; start one with: dask scheduler"
    )
    assert "'http://here' is not the address of a Dask scheduler" in reason_of(nonsense)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--executor", "dask"], "needs the address of a scheduler"),
        (["--scheduler", "tcp://a:1"], "--scheduler is for a Dask cluster"),
        (["--executor", "dask", "--scheduler", "a:1"], "is not the address of a Dask scheduler"),
        (["--executor", "dask", "--scheduler", "tcp://a:1"], "--executor dask is for --foreground"),
    ],
)
def test_options_that_do_not_fit_together(
    runs_dir: Path, capsys: pytest.CaptureFixture[str], options: list[str], problem: str
) -> None:
    line = ["queue", "work", *options, "--runs-dir", str(runs_dir)]
    assert run_command_line(line, no_session) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../x", "/etc", "", ".", "..", "a/b", "a\0b", None, 5, ["x"]])
def test_names_in_a_parcel_lead_nowhere_else(tmp_path: Path, name: object) -> None:
    data = {"name": "mine", "fingerprint": "f"}
    cache = tmp_path / "deep" / "cache"
    entry = {"data_dir": str(tmp_path / "data")}
    for wrong in ({**data, "name": name}, {**data, "fingerprint": name}):
        job = {"data": wrong, "entry": entry}
        with pytest.raises(StoreError, match="where a name belongs"):
            find_data(job, cache)
        with pytest.raises(StoreError, match="where a name belongs"):
            keep_data(job, {"meta.json": b"{}"}, cache)
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(StoreError, match="where a name belongs"):
        unpack_job({"run_id": name, "folder": {}, "files": {}, "entry": entry}, root, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["root"]


def test_files_of_a_parcel_stay_in_their_folder(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    files = {"model/a.npz": b"1", "model/deep/b.json": b"2", "metrics.json": b"{}"}
    write_files(here, files)
    assert read_files(here, ("model", "metrics.json", "missing")) == files
    for name in ("../out", "/tmp/out", "model/../../out"):
        with pytest.raises(StoreError, match="for another place"):
            write_files(there, {name: b""})


def test_a_job_and_what_came_of_it_survive_the_journey(
    add: AddJob, data_dir: Path, tmp_path: Path
) -> None:
    schemas = {
        "own.yaml": "",
        "ranker.yaml": "",
        "channel.yaml": "extends: base.yaml",
        "base.yaml": "",
    }
    for name, text in schemas.items():
        (tmp_path / name).write_text(f"name: mine\n{text}\n")
    (tmp_path / "movielens").mkdir()  # called like a packaged schema, and none of this job's
    (tmp_path / "movielens" / "large").write_text("")
    home = add("job", entry={"time_limit": 9.0, "after": ("other",), "scheduler": "tcp://a:1"})
    channels = [{"model": "dssm", "features": name} for name in ("channel.yaml", "movielens")]
    params = {"ranker": {"features": "ranker.yaml"}, "channels": channels}
    home.write_spec({**home.spec, "features": "own.yaml", "params": params})
    home = Run(home.path)
    write_files(home.path, {"checkpoint/state.bin": b"epoch 3"})
    entry = read_entry(home)
    assert entry is not None
    root = tmp_path / "there"
    root.mkdir()
    away = unpack_job(pack_job(home, entry), root, data_dir)
    assert away.spec == home.spec
    assert {path.name for path in (root / "folder").iterdir()} == set(schemas)
    for name, text in schemas.items():
        assert (root / "folder" / name).read_text() == f"name: mine\n{text}\n"
    place = read_entry(away)
    assert place == Entry(
        str(data_dir), str(root / "folder"), position=entry.position, time_limit=9.0, offline=True
    )
    write_files(away.path, {"checkpoint/state.bin": b"epoch 5", "metrics.json": b"{}"})
    away.write_status(Status("cancelled", reason="asked to end", cpu_seconds=1.5))
    result = pack_result(away)
    assert (result["state"], result["cpu_seconds"]) == ("cancelled", 1.5)
    assert result["files"] == {"checkpoint/state.bin": b"epoch 5"}


def test_a_schema_that_lies_elsewhere_is_refused(add: AddJob, tmp_path: Path) -> None:
    """The worker would not find it."""
    (tmp_path / "away.yaml").write_text("name: away\n")
    home = add("job")
    home.write_spec({**home.spec, "features": "../away.yaml"})
    entry = read_entry(home)
    assert entry is not None
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(StoreError, match=r"away.yaml lies outside of .*\nput it there"):
        pack_job(Run(home.path), replace(entry, folder=str(inside)))


def test_data_is_used_only_when_it_is_the_same(data_dir: Path, tmp_path: Path) -> None:
    entry = Entry(str(data_dir), "")
    fingerprint = json.loads((data_dir / "small" / "meta.json").read_text())["fingerprint"]
    job = {"entry": asdict(entry), "data": {"name": "small", "fingerprint": fingerprint}}
    assert find_data(job, tmp_path) == data_dir
    job["data"] = {"name": "small", "fingerprint": "another"}
    assert find_data(job, tmp_path) is None
    old = tmp_path / fingerprint / "small" / "meta.json"
    write_files(
        old.parent, {old.name: json.dumps({"fingerprint": fingerprint, "format": 1}).encode()}
    )
    job = {"entry": {"data_dir": "/nowhere"}, "data": {"name": "small", "fingerprint": fingerprint}}
    assert find_data(job, tmp_path) is None, "an earlier version kept it"
    names = set(pack_data(entry, "small"))
    assert {name for name in names if not name.startswith("columns/")} == {"meta.json"}
    assert {"columns/user.npy", "columns/timeline.npy"} < names


def test_when_the_scheduler_is_lost_jobs_are_interrupted_everywhere(
    supervise: Callable[[], None], cluster: Cluster, add: AddJob, within: Within
) -> None:
    run = add(seconds=600)
    supervise()
    within(END, lambda: begun(run))
    cluster.kill_scheduler()
    within(END, lambda: is_over(run))
    gone = f"the Dask scheduler {cluster.address} is gone"
    assert (state_of(run), reason_of(run)) == ("interrupted", gone)
    within(END, lambda: not processes_on(cluster))
