"""Archived runs: in no list, not reused, brought back whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.folders import this_process, write_run
from tests.workbench.conftest import no_session
from workbench.cli.main import run_command_line
from workbench.store.files import StoreError
from workbench.store.listing import RunListing
from workbench.store.manage import archive_run, find_reusable, restore_run
from workbench.store.runs import Run


def ids(runs_dir: Path) -> list[str]:
    return [run.run_id for run in RunListing(runs_dir).refresh()]


def test_an_archived_run_is_in_no_list_and_not_reused_until_it_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (write_run(tmp_path, name, number=n) for n, name in enumerate(("a", "b")))
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    words = [f"--runs-dir={tmp_path}", "--headless", "runs"]
    listing = RunListing(tmp_path)
    assert len(listing.refresh()) == 2
    assert run_command_line([*words, "archive", first.name], no_session) == 0
    assert ids(tmp_path) == [run.run_id for run in listing.refresh()] == [second.name]
    assert find_reusable(tmp_path, first.name) is None
    capsys.readouterr()
    assert run_command_line([*words, "list", "--archived"], no_session) == 0
    assert first.name in capsys.readouterr().out
    assert run_command_line([*words, "show", first.name], no_session) == 2
    assert f"run {first.name} is archived" in capsys.readouterr().err
    assert run_command_line([*words, "restore", first.name[-4:]], no_session) == 0
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    assert ids(tmp_path) == [second.name, first.name]
    capsys.readouterr()
    assert run_command_line([*words, "list", "--archived"], no_session) == 0
    assert "no archived runs in" in capsys.readouterr().err


def test_what_cannot_be_archived_or_restored_stays(tmp_path: Path) -> None:
    running = write_run(tmp_path, "mf", state="running", status=this_process())
    with pytest.raises(StoreError, match="is running"):
        archive_run(Run(running))
    done = write_run(tmp_path, "a", number=1)
    with pytest.raises(StoreError, match="is not archived"):
        restore_run(Run(done))
    archived = archive_run(Run(done))
    write_run(tmp_path, "again", number=1)
    with pytest.raises(StoreError, match="exists"):
        restore_run(archived)
    assert (archived.path / "metrics.json").exists()
    (tmp_path / "link").symlink_to(archived.path)
    with pytest.raises(StoreError, match="is a link"):
        archive_run(Run(tmp_path / "link"))
