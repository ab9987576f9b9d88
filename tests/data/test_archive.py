"""Zips from anywhere: what could do harm is refused before anything is read."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from recsys_core.data import archive
from recsys_core.data.importer import import_dataset
from recsys_core.errors import DataError, InputError
from tests.data.files import ML_1M, write_files, write_zip


def refused(tmp_path: Path, path: Path) -> str:
    with pytest.raises(DataError) as error:
        import_dataset(path, tmp_path / "data")
    assert not list(tmp_path.glob("data/*"))
    return error.value.problem


@pytest.mark.parametrize(
    "name", ["../evil.txt", "ml/../../evil.txt", "/etc/evil", "C:\\evil.txt", "..\\evil.txt"]
)
def test_a_member_outside_the_archive(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", ML_1M)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "x")
    assert "points outside the archive" in refused(tmp_path, path)


def test_a_link(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"users.dat": b""})
    link = zipfile.ZipInfo("ml/ratings.dat")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    assert "is a link" in refused(tmp_path, path)


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", {**ML_1M, "README": b"\0" * 4_000_000})
    assert "times its size" in refused(tmp_path, path)
    path = write_zip(tmp_path / "b.zip", ML_1M)
    monkeypatch.setattr(archive, "MAX_UNPACKED", 100)
    assert "it unpacks to" in refused(tmp_path, path)


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ML_1M)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 8] |= 1  # the flag in the table of contents
    path.write_bytes(content)
    assert "is encrypted" in refused(tmp_path, path)


def test_a_zip_of_a_later_version(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ML_1M)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 254  # the version that it needs
    path.write_bytes(content)
    assert "the zip is damaged: zip file version 25.4" in refused(tmp_path, path)


def test_a_damaged_zip(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ML_1M)
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert "the zip is damaged" in refused(tmp_path, path)
    broken = bytearray(good)
    broken[good.index(b"ratings.dat") + 20] ^= 0xFF  # in the packed ratings
    path.write_bytes(broken)
    assert "the zip is damaged" in refused(tmp_path, path)
    path.write_bytes(b"")
    assert "the zip is damaged" in refused(tmp_path, path)


def test_where_rating_files_may_lie(tmp_path: Path) -> None:
    raw = write_files(tmp_path / "raw" / "ml", ML_1M)
    data = tmp_path / "data"
    expected = import_dataset(raw, data, "a").fingerprint
    assert import_dataset(raw.parent, data, "b").fingerprint == expected
    assert import_dataset(raw / "ratings.dat", data, "c").fingerprint == expected
    write_files(tmp_path / "raw" / "second", ML_1M)
    with pytest.raises(InputError, match="2 folders hold rating files"):
        import_dataset(raw.parent, data, "d")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no rating file here"):
        import_dataset(tmp_path / "empty", data, "e")
    with pytest.raises(InputError, match="no such file or folder"):
        import_dataset(tmp_path / "nowhere", data, "f")


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_files(tmp_path / "raw", ML_1M)

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(DataError, match=r"ratings\.dat: cannot be read: Permission denied"):
        import_dataset(raw, tmp_path / "data")
