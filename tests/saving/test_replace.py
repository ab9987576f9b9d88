"""Files that are replaced as a whole: by one who writes, by two, by one who fails."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from recsys_core.saving.replace import replacing


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "recall.json"
    path.write_text("old")

    def crash() -> None:
        with replacing(path) as partial:
            partial.write_text("ne")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["recall.json"]


def test_two_who_write_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "recall.json"
    with replacing(path) as first, replacing(path) as second:
        assert {first.suffix, second.suffix} == {".partial"}
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the last one wins"
    assert [entry.name for entry in tmp_path.iterdir()] == ["recall.json"]


def test_an_error_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "recall.json"
    with pytest.raises(FileNotFoundError) as error, replacing(path):
        pass
    assert (error.value.errno, error.value.filename) == (errno.ENOENT, str(path))


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "recall.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError), replacing(path) as partial:
        partial.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["recall.json"]
