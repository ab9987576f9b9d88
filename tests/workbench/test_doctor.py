"""`doctor`: what is wrong is named with what to do, and nothing else is."""

from __future__ import annotations

import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.data.small import prepare_small
from tests.extensions.conftest import Install
from tests.extensions.conftest import install as install
from tests.tui.folders import write_run
from tests.workbench.conftest import Cli
from workbench.doctor import folders, installed, machine, terminal
from workbench.jobs.queue import ENTRY, Entry, add_job
from workbench.jobs.queue_files import pause

pytestmark = pytest.mark.usefixtures("_cache")


@pytest.fixture
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def found(cli: Cli, code: int, name: str) -> list[dict[str, Any]]:
    """Return the findings of one name, of a `doctor --json` that exits with `code`."""
    done = cli("doctor", "--json")
    assert done.code == code, done.out
    content = json.loads(done.out)
    assert content["schema"] == 1
    assert content["wrong"] == sum(each["state"] == "wrong" for each in content["checks"])
    assert all(each["remedy"] for each in content["checks"] if each["state"] == "wrong")
    return [each for each in content["checks"] if each["name"] == name]


def test_all_is_well(cli: Cli, runs_dir: Path, data_dir: Path) -> None:
    sets = sorted(data_dir.iterdir())  # others' too: the folder is that of all tests
    done = cli("doctor")
    assert done.code == 0
    assert "wrong" not in done.out
    assert done.err.startswith("nothing wrong, ")
    assert "numpy " in done.out
    assert re.search(r"data sets +\d+ data sets? prepared", done.out)
    assert not runs_dir.exists(), "it only looks"
    assert sorted(data_dir.iterdir()) == sets


def test_the_lines_in_json_are_the_same(cli: Cli) -> None:
    content = json.loads(cli("doctor", "--json").out)
    assert set(content) == {"schema", "wrong", "checks"}
    assert {tuple(each) for each in content["checks"]} == {("name", "state", "found", "remedy")}
    lines = [line for line in cli("doctor").out.splitlines() if not line.startswith(" ")]
    assert len(lines) == len(content["checks"])
    for line, check in zip(lines, content["checks"], strict=True):
        assert line.startswith(f"{check['state']:<5}  {check['name']}")


def test_an_extra_that_is_missing_is_a_note_and_a_package_is_wrong(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        "click>=8.2",
        "no-such-thing<9,>=8",
        "never-heard-of>=1; extra == 'dask'",
        'pytest>=8; extra == "web"',
        "nor-this; extra == 'dev'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: asked)
    (packages,) = found(cli, 2, "packages")
    assert packages["state"] == "wrong"
    assert packages["remedy"] == "pip install no-such-thing"
    assert [(each.name, each.state) for each in installed.check_packages()] == [
        ("packages", "wrong"),
        ("extra dask", "note"),
        ("extra web", "ok"),
    ]


def test_a_checkout_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "PACKAGE", "no-such-package")
    assert [each.state for each in installed.check_packages()] == ["note"]


@pytest.mark.parametrize("below", ["", "deeper/runs"])
def test_a_file_in_the_place_of_the_runs_folder(cli: Cli, runs_dir: Path, below: str) -> None:
    runs_dir.write_text("")
    done = cli("doctor", "--json", "--runs-dir", str(runs_dir / below))
    assert done.code == 2
    (folder,) = (each for each in json.loads(done.out)["checks"] if each["name"] == "runs folder")
    assert folder["found"] == f"{runs_dir / below}: cannot be written: Not a directory"
    assert folder["remedy"] == "choose another place with --runs-dir"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(cli: Cli, runs_dir: Path) -> None:
    runs_dir.mkdir(mode=0o500)
    (folder,) = found(cli, 2, "runs folder")
    assert "cannot be written: Permission denied" in folder["found"]


def test_a_link_to_nowhere_is_no_folder_to_be(cli: Cli, runs_dir: Path) -> None:
    runs_dir.symlink_to(runs_dir.with_name("gone"))
    (folder,) = found(cli, 2, "runs folder")
    assert folder["state"] == "wrong"


def test_a_damaged_run_is_named_until_it_is_put_away(cli: Cli, runs_dir: Path) -> None:
    run = write_run(runs_dir, "mf")
    write_run(runs_dir, "ease", number=1)
    (run / "metrics.json").write_text('{"metrics": ')
    (damaged,) = found(cli, 2, "run")
    assert f"{run / 'metrics.json'}: damaged" in damaged["found"]
    assert found(cli, 2, "runs")[0]["found"] == "1 run readable"
    assert cli("runs", "archive", run.name).code == 0
    assert found(cli, 0, "run") == []


def test_many_damaged_runs_are_counted(
    cli: Cli, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_NAMED", 1)
    for number in range(3):
        (write_run(runs_dir, "mf", number=number) / "status.json").write_text("{}")
    first, rest = found(cli, 2, "run")
    assert "status.json" in first["found"]
    assert rest["found"] == "2 more damaged runs"


def test_a_truncated_column_of_a_data_set(cli: Cli, tmp_path: Path) -> None:
    prepare_small(tmp_path / "own")
    column = tmp_path / "own" / "small" / "columns" / "rating.npy"
    column.write_bytes(column.read_bytes()[:-4])
    done = cli("doctor", "--data-dir", str(tmp_path / "own"))
    assert done.code == 2
    assert "small is damaged: columns/rating.npy" in done.out
    assert "recsys-workbench data import PATH --name small" in done.out


def test_a_plug_in_that_raises_is_named_and_others_are_not(cli: Cli, install: Install) -> None:
    install({"good": "print('loaded')", "bad": "raise RuntimeError('no licence')"})
    bad, good = found(cli, 2, "plug-in")
    assert (good["state"], good["found"]) == ("ok", "extension 'good' (good of mine 1.0)")
    assert bad["found"].endswith("does not load: RuntimeError: no licence")
    assert "extension 'bad'" in bad["found"]


def test_jobs_that_nobody_starts(cli: Cli, runs_dir: Path) -> None:
    entry = Entry("data", str(runs_dir))
    spec = {"model": "mf", "dataset": "small", "protocol": {}, "seed": 0}
    job = add_job(runs_dir, spec, "mf", entry)
    (queue,) = found(cli, 0, "queue")
    assert queue["state"] == "note"
    assert queue["found"] == "0 jobs running, 1 waiting; no process starts them"
    pause(runs_dir)
    assert found(cli, 0, "queue")[0]["found"].endswith("1 waiting; paused")
    (job.path / ENTRY).write_text("[")
    damaged, rest = found(cli, 2, "queue")
    assert str(job.path / ENTRY) in damaged["found"]
    assert rest["found"] == "0 jobs running, 0 waiting"


@pytest.mark.parametrize(
    ("environment", "state", "text"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "ok", "24 bits (COLORTERM)"),
        ({"TERM": "xterm-256color"}, "ok", "256 (TERM=xterm-256color)"),
        ({"TERM": "dumb"}, "note", "none: TERM is 'dumb'"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "ok", "off: NO_COLOR is set"),
    ],
)
def test_colours(
    environment: dict[str, str], state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLORTERM", "TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (colours,) = (each for each in terminal.check_terminal() if each.name == "colours")
    assert (colours.state, colours.found) == (state, text)


def test_a_small_terminal_and_one_without_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        encoding = "ISO-8859-1"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Small())
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "50")
    by_name = {each.name: each for each in terminal.check_terminal()}
    assert (by_name["terminal"].state, by_name["terminal"].found) == ("note", "40x50 characters")
    assert by_name["encoding"].state == "note"
    assert by_name["encoding"].found.startswith("iso-8859-1")


@pytest.mark.parametrize(("cuda", "state"), [("None", "note"), ("'12.8'", "ok")])
def test_a_gpu_and_a_build_of_torch(
    cuda: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver names the GPU; torch/version.py is read, torch is not imported."""
    gpu = tmp_path / "gpus" / "0000:01:00.0"
    gpu.mkdir(parents=True)
    (gpu / "information").write_text("Model: \t\t NVIDIA T4\nIRQ:   \t\t 24\n")
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "version.py").write_text(f"cuda: Optional[str] = {cuda}\n")
    monkeypatch.setattr(machine, "_DRIVER", tmp_path / "gpus")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    (check,) = machine.check_gpu()
    assert (check.state, check.found.split(",")[0].split(";")[0]) == (state, "NVIDIA T4")
