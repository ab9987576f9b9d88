"""docs/scores.md: its walkthrough from made-up loans to a gate, and its Python."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.data.small import SMALL
from tests.workbench.conftest import no_session
from workbench.cli.main import run_command_line

PAGE = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
WALK = PAGE.partition("## A walkthrough")[2]
#: the first `NAME.py` of the sentences before a block is its file
PROGRAM = re.compile(r"`(\w+\.py)`(?:(?!```).)*?```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"```sh\n(.*?)^```\n\n```out\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LEFT_OUT = "…"


def do(line: str) -> int:
    program, *arguments = shlex.split(line)
    if program == "recsys-workbench":
        return run_command_line(arguments, no_session)
    if program == "python":
        exec(compile(Path(arguments[0]).read_text(), arguments[0], "exec"), {})
        return 0
    return subprocess.run(line, shell=True, check=False).returncode


def test_the_walkthrough_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name, code in PROGRAM.findall(WALK):
        Path(name).write_text(code)
    steps = STEP.findall(WALK)
    codes = []
    for lines, shown in steps:
        capsys.readouterr()
        codes.append([do(line) for line in lines.splitlines()])
        printed = iter(line.rstrip() for line in capsys.readouterr().out.splitlines())
        for line in shown.splitlines():
            assert line == LEFT_OUT or line in printed, line
    assert codes == [[0, 0, 0], [0, 0], [0, 0], [0, 1]]  # the last one falls behind its baseline
    assert Path("last.users.npz").exists()


def test_its_python_runs(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys_core.data.load import load_dataset

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(data_dir)
    data = load_dataset(SMALL, data_dir)
    rows = zip(data.user_ids[data.user], data.item_ids[data.item], strict=True)
    lines = [f"{user},{item},1" for user, item in list(rows)[::7]]
    Path("lists.csv").write_text("\n".join(["user,item,score", *lines]))
    (code, *_) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code.replace("sample", SMALL), "scores.md", "exec"), names)
    assert names["result"].file_counts["rows"] == len(lines)  # type: ignore[attr-defined]
