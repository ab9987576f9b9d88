"""Ids on a command line, and in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_core.errors import InputError
from workbench.cli.id_lists import read_ids


def test_ids_may_hold_slashes(tmp_path: Path) -> None:
    assert read_ids("news/1,crime/2", "--only") == ["news/1", "crime/2"]
    file = tmp_path / "only.txt"
    file.write_text("news/1\n\n crime/2\n")
    assert read_ids(str(file), "--only") == ["news/1", "crime/2"]
    with pytest.raises(InputError, match=r"no such file\nname a text file .* with a slash"):
        read_ids("news/1", "--only")
