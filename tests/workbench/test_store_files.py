"""Files that are whole or not there, and text that cannot steer a terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.table import print_json
from workbench.store import process
from workbench.store.files import (
    StoreError,
    open_regular,
    read_json,
    without_nan,
    write_json,
)
from workbench.store.process import ProcessIdentity
from workbench.store.text import json_text, plain, width


def test_a_link_that_lies_in_wait_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "r.json"
    victim.write_text("mine")
    (tmp_path / "r.json.partial").symlink_to(victim)
    write_json(path, {})
    assert (victim.read_text(), path.is_symlink()) == ("mine", False)
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / "r.json.guessed.partial").symlink_to(victim)
    with pytest.raises(StoreError, match=r"r\.json: cannot be written: File exists"):
        write_json(path, {})
    assert victim.read_text() == "mine"


def test_any_name_that_there_is_room_for_can_be_written(tmp_path: Path) -> None:
    write_json(tmp_path / f"{'n' * 250}.json", {})
    with pytest.raises(StoreError, match="File name too long"):
        write_json(tmp_path / f"{'n' * 300}.json", {})


@given(st.text())
def test_json_that_is_printed_steers_no_terminal(text: str) -> None:
    text += "\x7f\x9b2J\u202e\U000e0041"
    written = json_text([text])
    assert json.loads(written) == [text]
    assert plain(written.replace("\n", "")) == written.replace("\n", "")


def test_json_stays_json_where_characters_are_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stdout)
    print_json(["Amélie", "😀"])
    stdout.seek(0)
    assert json.load(stdout) == ["Amélie", "😀"]


def test_json_never_holds_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"auc": float("nan")})
    values = {"auc": float("nan"), "ci": (np.float32(0.5), float("-inf")), "n": np.int64(3)}
    assert without_nan(values) == {"auc": None, "ci": [0.5, None], "n": 3}


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00\x00"])
def test_damaged_json_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"metrics\.json: damaged") as error:
        read_json(path)
    assert "--fresh" in error.value.remedy


def test_a_process_is_known_by_more_than_its_pid() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        me = ProcessIdentity.current()
        started = int(stat[19]) / os.sysconf("SC_CLK_TCK")
        identity = ProcessIdentity(child.pid, started, me.boot_id)
        assert me.alive()
        assert identity.alive()
        assert not ProcessIdentity(child.pid, started - 1, me.boot_id).alive()
        assert not ProcessIdentity(child.pid, started, "another boot").alive()
        child.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 60
        while identity.alive():  # before anybody waits for it: it is a zombie then
            assert time.monotonic() < deadline
            time.sleep(0.01)


@given(st.text())
def test_plain_text_cannot_steer_a_terminal(text: str) -> None:
    shown = plain(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert not any(c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f\u200b" for c in shown)
    shown.encode("utf-8")  # lone surrogates are gone too


def test_plain_keeps_names_and_markup_as_they_are() -> None:
    assert plain("Léon (1994) [bold]千と千尋[/bold]") == "Léon (1994) [bold]千と千尋[/bold]"
    assert width("千と千尋") == 8


def test_without_proc_a_process_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = ProcessIdentity.current()
    monkeypatch.setattr(process, "_PROC", tmp_path / "proc")
    monkeypatch.setattr("psutil.PROCFS_PATH", str(tmp_path / "proc"))
    process.boot_id.cache_clear()
    try:
        with pytest.raises(StoreError, match=r"make sure that .*proc is mounted"):
            ProcessIdentity.current()
        assert not me.alive()
    finally:
        process.boot_id.cache_clear()


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    modes: tuple[Literal["rb", "ab", "a+b"], ...] = ("rb", "ab", "a+b")
    for mode in modes:
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(tmp_path / "pipe", mode)
