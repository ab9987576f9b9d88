"""Export folders: whole or not there, every file checked, errors that say what to do."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.export.folder import write_export
from recsys_core.export.part import Part
from recsys_core.export.recall import recall_part
from recsys_core.testing.planted import fit, planted
from tests.export.served import script, served


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of item-cf, to be read only."""
    folder = tmp_path_factory.mktemp("exported") / "it"
    train, _ = planted()
    model = fit("item-cf", train)
    served(folder, {"": recall_part("item-cf", model)}, train.dataset, model.histories)
    return folder


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    folder = tmp_path / "it"
    folder.mkdir()
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_the_manifest_names_every_file(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    files = {file.name for file in exported.iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == files == {"arrays.npz", "data.npz", "model.json"}
    for name, about in manifest["files"].items():
        assert about["bytes"] == (exported / name).stat().st_size


def test_nothing_is_a_pickle(exported: Path) -> None:
    for file in exported.glob("*.npz"):
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                with archive.open(member) as content:
                    np.lib.format.read_array(content, allow_pickle=False)


def _remove(file: Path) -> None:
    file.unlink()


def _change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("name", ["arrays.npz", "data.npz", "model.json"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [(_remove, "is missing"), (_change, "is not what was"), (_cut, "is not what was")],
)
def test_a_damaged_file_is_named(
    copied: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(copied / name)
    with pytest.raises(script("serve_exported").ExportError, match=f"{name} {message}"):
        script("serve_exported").Exported(copied)


def test_a_folder_without_a_manifest_and_one_of_tomorrow_are_refused(copied: Path) -> None:
    serve = script("serve_exported")
    manifest = copied / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(serve.ExportError, match="this script reads format 1"):
        serve.Exported(copied)
    manifest.unlink()
    with pytest.raises(serve.ExportError, match=r"no export here \(manifest.json is missing\)"):
        serve.Exported(copied)


def test_the_script_answers_a_command_line(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = script("serve_exported").main
    assert main([str(exported), "--user", "u3", "--k", "2", "--without", "i1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main([str(exported), "--history", "i1,i2", "--k", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    for asked, message in (
        (["--user", "nobody"], "no user 'nobody' in this export"),
        (["--history", "i1,i999"], "no item 'i999' in this export"),
        ([], "give a user or a history"),
        (["--user", "u3", "--k", "0"], "k = 0"),
    ):
        assert main([str(exported), *asked]) == 2
        assert message in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_fault(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)  # as `| head` does
    with os.fdopen(theirs, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert script("serve_exported").main([str(exported), "--user", "u3"]) == 0


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_export_that_fails_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise failure

    part = Part({"kind": "recall", "model": "it"}, {}, files={"query.onnx": fail})
    with pytest.raises((InputError, KeyboardInterrupt)):
        write_export(tmp_path / "it", {"": part}, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_export(tmp_path / "it", {}, {}, {})
