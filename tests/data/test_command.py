"""`data` on the command line: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data.files import ML_1M, write_files
from workbench.cli.main import run_command_line


def run(*arguments: str) -> int:
    def session(*_: Path) -> int:
        raise AssertionError("no session was asked for")

    return run_command_line(arguments, session)


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_files(tmp_path / "films", ML_1M)


def test_import_list_and_describe(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "import", str(raw), "--name", "mine") == 0
    out, err = capsys.readouterr()
    assert "mine" in out
    assert "none published" in out
    assert f"reading {raw}" in err
    assert run("data", "list") == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[1].split()[:5] == ["mine", "ready", "3", "2", "2"]
    assert "sample (synthetic)" in out
    assert run("--headless", "data", "describe", "mine") == 0
    out, _ = capsys.readouterr()
    assert "item genres" in out
    assert "note: users with fewer than 3 events, on whom user-timeline and leave-last-out" in out


def test_json(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "import", str(raw), "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "films"
    assert run("data", "describe", "films", "--json") == 0
    assert json.loads(capsys.readouterr().out)["interactions"] == 3
    assert run("data", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "ready"


def test_progress_as_lines(raw: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("data", "import", str(raw), "--events", "--json") == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["name"] == "films"
    assert [json.loads(line)["message"] for line in err.splitlines()] == [f"reading {raw}"]


def test_bad_rows_stop_or_are_counted(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (raw / "ratings.dat").write_bytes(ML_1M["ratings.dat"] + b"1::10::9::5\n1::10::4::5\n")
    assert run("data", "import", str(raw)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "ratings.dat, line 4, column 3 (rating): '9' is not within 0.5 to 5" in err
    assert run("data", "import", str(raw), "--on-bad-rows", "skip") == 0
    assert "2 (rating 1, duplicate 1)" in capsys.readouterr().out


def test_a_table_with_mapped_columns(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_files(raw, {"t.csv": b"who;what;stars\nanna;b1;70\nben;b2;80\n"}) / "t.csv"
    columns = "user=who,item=what,rating=stars"
    assert run("data", "import", str(path), "--columns", columns) == 2
    assert "--rating-range" in capsys.readouterr().err
    arguments = ("data", "import", str(path), "--columns", columns, "--rating-range", "0,100")
    assert run(*arguments) == 0
    assert run("data", "describe", "t") == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nowhere"), "no such file or folder"),
        (("import", "films", "--columns", "user"), "is not role=column"),
        (("import", "films", "--rating-range", "5"), "not two ascending numbers"),
        (("import", "films", "--name", "../x"), "cannot name a data set"),
        (("describe", "film"), "unknown data set 'film'"),
        (("describe", "ml-1m"), "data fetch ml-1m"),
        (("fetch", "sampel"), "unknown published data set 'sampel'"),
    ],
)
def test_errors_are_short_and_exit_with_2(
    raw: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert run("data", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if not line.startswith("film")]) <= 2


def test_text_from_data_cannot_steer_the_terminal(
    raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"user,item,rating\n\x1b[31m,1,4\n\x1b[31m,1,5\n"
    path = write_files(raw, {"t.csv": content}) / "t.csv"
    assert run("data", "import", str(path)) == 2
    err = capsys.readouterr().err
    assert "user \\x1b[31m and item 1" in err
    assert "\x1b" not in err
