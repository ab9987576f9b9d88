"""docs/data.md: each walkthrough, from its raw file to what the import prints."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from recsys_core.data.dataset import Dataset
from recsys_core.data.load import load_dataset
from tests.data.test_command import run

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
FILE = r"`([\w.]+)`:\n\n```text\n(.*?)^```\n"
STEP = r"```sh\n(.*?)^```\n(?:\n```out\n(.*?)^```\n)?"
#: models whose training takes many epochs
TRAINED = ("deepfm", "youtube-dnn")
#: depends on the machine, or says nothing of files like these
LEFT_OUT = ("read from", "checksum", "prepared in")


@dataclass(frozen=True)
class Walk:
    """Raw files, and commands with what they print; empty: that is not shown."""

    files: dict[str, str]
    steps: list[tuple[str, str]]

    def write(self) -> None:
        for name, content in self.files.items():
            Path(name).write_text(content)


def walks() -> list[Walk]:
    flags = re.MULTILINE | re.DOTALL
    sections = PAGE.read_text(encoding="utf-8").partition("## Walkthroughs\n")[2].split("\n### ")
    return [
        Walk(dict(re.findall(FILE, text, flags)), re.findall(STEP, text, flags))
        for text in sections[1:]
    ]


def words_of(line: str) -> list[str]:
    """Take a command apart; one epoch shows that it works."""
    words = shlex.split(line)[1:]
    named = {name for word in words for name in word.split(",")}
    return words + [word for m in TRAINED if m in named for word in ("--set", f"{m}.epochs=1")]


@pytest.mark.parametrize("walk", walks(), ids=lambda walk: next(iter(walk.files)))
def test_a_walkthrough_prints_what_the_page_shows(
    walk: Walk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    walk.write()
    for line, expected in walk.steps:
        assert run(*words_of(line)) == 0, capsys.readouterr().err
        out = capsys.readouterr().out.splitlines(keepends=True)
        shown = "".join(line for line in out if not line.startswith(LEFT_OUT))
        assert shown == (expected or shown)


def test_the_walkthroughs_are_found_and_lead_to_the_right_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for walk in walks():
        walk.write()
        for line, expected in walk.steps:
            if expected:
                run(*words_of(line))

    def events(name: str) -> list[tuple[str, str, float, int]]:
        found: Dataset = load_dataset(name, tmp_path / "data")
        users, items = found.user_ids[found.user], found.item_ids[found.item]
        columns = (users, items, found.rating, found.timestamp)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    assert [row[:2] for row in events("lists")] == [
        *(("0", "5"), ("0", "6"), ("0", "7"), ("1", "5"), ("2", "8"), ("2", "9")),
    ]
    assert events("plays")[0] == ("u1", "a1", 5400, 0)
    assert events("log") == [  # 2020-01-05T10:55:00Z is the last time u1 played a1
        *(("u1", "a1", 2, 1578221700), ("u1", "a2", 1, 1578297600), ("u2", "a1", 1, 1578391200)),
    ]
    clicked = [row[:2] for row in events("shown") if row[2]]
    assert clicked == [
        *(("1", item) for item in "ac"),
        *(("2", i) for i in "ab"),
        ("3", "b"),
        ("3", "c"),
    ]
    assert ("1", "a", 1, 1578186000) in events("shown")  # the second showing, which was clicked
