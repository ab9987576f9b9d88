"""`models export`: a run becomes a folder, or two lines say why not."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from recsys_core.export import graph
from tests.export.served import script
from tests.workbench.conftest import Cli, Done
from workbench.cli.main import run_command_line
from workbench.store.listing import list_runs
from workbench.store.runs import METRICS


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> tuple[Path, Path]:
    """A run of ease on a small set, and one that says it is of lr."""
    runs = tmp_path_factory.mktemp("runs")
    line = ["--runs-dir", str(runs), "--data-dir", str(data_dir), "train", "--dataset", "small"]
    assert run_command_line([*line, "--quiet", "--model", "ease"], lambda *_: 1) == 0
    (run,) = list_runs(runs)
    copied = runs / "20260101-000000-lr-0000"
    shutil.copytree(run.folder, copied)
    metrics = json.loads((copied / METRICS).read_text())
    changes = {"run_id": copied.name, "model": "lr", "label": "lr", "stage": "ranking"}
    (copied / METRICS).write_text(json.dumps({**metrics, **changes}))
    return runs, data_dir


@pytest.fixture
def export(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> Done:
        runs, data = map(str, folders)
        capsys.readouterr()
        line = ["--runs-dir", runs, "--data-dir", data, "models", "export", *arguments]
        code = run_command_line([*line, "--quiet"], lambda *_: 1)
        return Done(code, *capsys.readouterr())

    return run


def test_a_run_becomes_an_export(export: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "it"
    done = export("ease", "--format", "npz", "--to", str(folder))
    assert (done.code, done.err.splitlines()[-1][:9]) == (0, "3 files, ")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["run"]["label"] == "ease"
    assert manifest["dataset"]["name"] == "small"
    assert script("serve_exported").Exported(folder).recommend("1", 3)


@pytest.mark.parametrize(
    ("run", "file_format", "problem", "remedy"),
    [
        ("ease", "onnx", "ease cannot be exported as onnx: it is not a network", "--format npz"),
        ("ease", "faiss", "ease cannot be exported as faiss: it does not rank by", "--format npz"),
        (
            "20260101-000000-lr-0000",
            "npz",
            "lr cannot be exported as npz: a network computes",
            "--format onnx",
        ),
    ],
)
def test_a_form_that_a_model_does_not_have(
    export: Cli, tmp_path: Path, run: str, file_format: str, problem: str, remedy: str
) -> None:
    done = export(run, "--format", file_format, "--to", str(tmp_path / "it"))
    assert done.code == 2
    assert problem in done.err.splitlines()[0]
    assert remedy in done.err.splitlines()[1]
    assert list(tmp_path.iterdir()) == []


def test_without_the_packages_that_write_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match="needs onnx and onnxscript, which are not installed"
    ) as no:
        graph.require_exporter()
    assert no.value.remedy == "pip install 'recsys-workbench[export]'"


def test_a_place_that_is_taken_is_told_before_anything_is_loaded(
    export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "recsys_core.recall.ease", None)
    done = export("ease", "--format", "npz", "--to", str(tmp_path))
    assert done.code == 2
    assert "is there already" in done.err
