"""The command line as a process: signals, pipes, streams, what it imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.data.small import SMALL
from tests.workbench.test_store_runs import write_run
from workbench.store.listing import list_runs
from workbench.store.runs import Run

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
HEAVY = ("torch", "pandas", "numpy", "scipy", "textual", "rich", "pydantic")


def command(folder: Path, data_dir: Path, *arguments: str) -> list[str]:
    folders = ["--runs-dir", str(folder), "--data-dir", str(data_dir)]
    return [sys.executable, "-m", "workbench", "--headless", *arguments, *folders]


def start(line: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        line, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_training(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for text in process.stderr:
        if "loss" in text:
            return


def test_ctrl_c_cancels_and_a_kill_interrupts(runs_dir: Path, data_dir: Path) -> None:
    line = ("train", "--model", "lr", "--dataset", SMALL, "--threads", "1", "--plain")
    endless = ("--set", "epochs=10000", "--set", "patience=0", "--set", "batch_size=4096")
    with start(command(runs_dir, data_dir, *line, *endless)) as process:
        wait_for_training(process)
        assert [run.state for run in list_runs(runs_dir)] == ["running"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    (found,) = list_runs(runs_dir)
    assert found.state == "cancelled"
    run = Run(found.folder)
    assert (run.path / "checkpoint").is_dir(), "it can be resumed"
    assert run.events()[0][-1]["metrics"]
    assert not list(run.path.rglob("*.partial"))
    assert not (run.path / "metrics.json").exists()

    with start(command(runs_dir, data_dir, "train", "--resume", run.run_id, "--plain")) as process:
        wait_for_training(process)
        assert [run.state for run in list_runs(runs_dir)] == ["running"]
        process.kill()
    assert [run.state for run in list_runs(runs_dir)] == ["interrupted"]


def test_two_evals_at_once_share_a_runs_folder(runs_dir: Path, data_dir: Path) -> None:
    line = ("eval", "--dataset", SMALL, "--models", "popularity,item-cf", "--fresh", "--quiet")
    processes = [start(command(runs_dir, data_dir, *line)) for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    runs = list_runs(runs_dir)
    assert [run.state for run in runs] == ["succeeded"] * 4
    by_label = {run.label: [r.metrics for r in runs if r.label == run.label] for run in runs}
    assert all(first == second for first, second in by_label.values())


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--headless", "--help"], set()),
        (["--version"], set()),
        (["eval", "--help"], set()),
        (["models", "list"], set()),
        (["runs", "list"], set()),
    ],
)
def test_light_commands_load_nothing_heavy(
    tmp_path: Path, arguments: list[str], allowed: set[str]
) -> None:
    code = (
        "import sys; from workbench.__main__ import main; main();"
        f"sys.stderr.write(' '.join(x for x in {HEAVY!r} if x in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0
    assert set(done.stderr.split()) & set(HEAVY) == allowed


def test_models_without_gradients_never_load_torch(
    runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    """To load it takes longer than most of what they do; nor SciPy before a model needs it."""
    line = ("eval", "--dataset", SMALL, "--models", "popularity,ease,ials", "--quiet")
    code = (
        "import sys, workbench.jobs.execute, recsys_core.recall.popularity;"
        "assert 'scipy' not in sys.modules;"
        "from workbench.cli.main import run_command_line;"
        "run_command_line(sys.argv[1:], lambda *_: 0);"
        "sys.exit('torch' in sys.modules)"
    )
    folders = ("--runs-dir", str(runs_dir), "--data-dir", str(data_dir))
    subprocess.run([sys.executable, "-c", code, *line, *folders], check=True, cwd=tmp_path)
    assert [run.state for run in list_runs(runs_dir)] == ["succeeded"] * 3


def test_a_reader_that_leaves_is_no_error(runs_dir: Path, data_dir: Path) -> None:
    for label in ("a", "b"):
        write_run(runs_dir, label * 40)
    line = command(runs_dir, data_dir, "runs", "list", "--json")
    process = start(["bash", "-c", f"set -o pipefail; {' '.join(line)} | true"])
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_training_goes_on_without_its_reader_and_the_gate_is_judged(
    runs_dir: Path, data_dir: Path
) -> None:
    line = ("eval", "--dataset", SMALL, "--models", "popularity", "--plain", "--threads", "1")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command(runs_dir, data_dir, *line, "--gate", "popularity:ndcg@10>=0.99"),
        env=ENVIRONMENT,
        stdout=writer,
        stderr=writer,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    assert [run.state for run in list_runs(runs_dir)] == ["succeeded"]


@pytest.mark.parametrize(("arguments", "code"), [(["runs", "list"], 0), (["runs", "liszt"], 2)])
def test_closed_streams_do_not_change_the_exit_code(
    runs_dir: Path, data_dir: Path, arguments: list[str], code: int
) -> None:
    line = " ".join(command(runs_dir, data_dir, *arguments))
    assert subprocess.run(["bash", "-c", f"{line} <&- >&- 2>&-"], check=False).returncode == code


def test_text_that_the_terminal_cannot_show_is_escaped(runs_dir: Path, data_dir: Path) -> None:
    write_run(runs_dir, "千と")
    done = subprocess.run(
        command(runs_dir, data_dir, "runs", "list"),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0
    assert rb"\u5343\u3068" in done.stdout
