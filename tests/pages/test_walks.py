"""Pages from their first command to their last, in an empty folder: ``make docs``.

What takes seconds more than the everyday tests may. The walkthroughs of other pages are everyday
tests: docs/data.md, scores.md, serving.md, extending.md, python.md.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.workbench.conftest import no_session
from tests.workbench.test_docs import ROOT
from workbench.cli.main import run_command_line

pytestmark = pytest.mark.pages

STEP = re.compile(r"```sh\n(.*?)^```\n(?:\n```out\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
LEFT_OUT = "…"
RULE = "─"
#: what opens the session, installs, or has no file here
NOT_HERE = ("recsys-workbench", "recsys-workbench doctor")
OTHERS = ("--dataset ml-1m", "ml1m", "--suite quick", "ratings.csv", "data fetch")


def steps(page: str) -> list[tuple[list[str], str]]:
    """List the commands of a page that can be run here, and what it says they print."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for code, shown in STEP.findall(text):
        lines = [line.partition(" # ")[0].strip() for line in code.splitlines()]
        mine = [
            line
            for line in lines
            if line.startswith("recsys-workbench")
            and line not in NOT_HERE
            and not any(word in line for word in OTHERS)
        ]
        found += [(mine, shown)] if mine else []
    return found


#: a file that a page says to write; its first line is a comment with its name
FILE = re.compile(r"^```yaml\n(# (\S+\.yaml):.*?)^```\n", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["docs/start.md", "docs/two-stage.md"])
def test_a_page_does_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for content, name in FILE.findall((ROOT / page).read_text(encoding="utf-8")):
        Path(name).write_text(content, encoding="utf-8")
    assert steps(page)
    for lines, shown in steps(page):
        for line in lines:
            capsys.readouterr()
            assert run_command_line(shlex.split(line)[1:], no_session) == 0, line
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        check(shown, printed)


def check(shown: str, printed: list[str]) -> None:
    """Find the lines that a page shows, in their order.

    Which columns of a table of costs fit into 80 characters depends on the machine: of such a table
    label and first figure are compared.
    """
    cells = 2 if re.search(r"  fit$|  fit  ", shown, re.MULTILINE) else None
    left = [line.split()[:cells] for line in printed if not line.startswith(RULE)]
    for line in shown.splitlines():
        if line != LEFT_OUT and not line.startswith(RULE):
            wanted = line.split()[:cells]
            assert wanted in left, f"{line!r} is not in\n" + "\n".join(printed)
            left = left[left.index(wanted) + 1 :]
