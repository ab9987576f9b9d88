"""What this program starts runs no code of the folder that one works in."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

import recsys_core
import workbench
from recsys_core.data.fetch import download_wheel
from recsys_core.data.redirects import SourceError
from recsys_core.processes import python_command

ROOTS = [Path(str(package.__file__)).parent for package in (recsys_core, workbench)]
#: what a working folder may hold under a name that Python would import
PLANTED = ("pip/__init__.py", "workbench/__init__.py", "textual.py", "json.py", "distributed.py")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose modules leave a trace when they are imported."""
    for name in PLANTED:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"import os\nos.mkdir({str(tmp_path / 'executed')!r})\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "module", ["pip", "workbench", "workbench.tui.browser", "workbench.jobs.dask_host"]
)
def test_the_working_folder_is_not_imported_from(folder: Path, module: str) -> None:
    subprocess.run(python_command("-m", module, "--version"), capture_output=True, check=False)
    assert not (folder / "executed").exists()


def test_pip_is_the_installed_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SourceError, match="No matching distribution"):
        download_wheel("recbole==1.2.1", "0" * 64, folder / "downloads")
    assert not (folder / "executed").exists()


def test_one_function_starts_every_python() -> None:
    named = [
        path.name
        for root in ROOTS
        for path in root.rglob("*.py")
        if "executable" in (source := path.read_text())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr == "executable"
    ]
    assert named == ["processes.py"]
    assert python_command("-c", "")[1] == "-P"
