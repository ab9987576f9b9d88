"""docs/extending.md: what it shows is installed and run as it stands, and passes the checks."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from recsys_core.extensions import EXTENSIONS, extension_problems, load_extensions
from recsys_core.testing import check_metric, check_protocol, check_reader, check_statistic
from tests.data.small import SMALL
from tests.extensions.conftest import Install
from tests.workbench.conftest import Cli
from tests.workbench.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "extending.md"
SHELVES, TEST, *OTHERS = blocks(PAGE, "python")


def test_a_metric_of_ones_own(
    install: Install, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From two files to a gate and a report, as a reader of the page does it."""
    points = tomllib.loads(blocks(PAGE, "toml")[0])["project"]["entry-points"]
    install({"shelves": SHELVES}, points)
    monkeypatch.chdir(tmp_path)
    lines = [line for line in blocks(PAGE, "sh")[0].splitlines() if line.startswith("recsys-")]
    for line in lines:
        words = shlex.split(line.replace("--dataset sample", f"--dataset {SMALL} --k 10"))
        done = cli(*words[1:], "--quiet")
        assert done.code == 0
        assert "--gate" not in words or re.search(r"item-cf:rare@10>=0\S* .*✓ met", done.out)
    assert "share of the list with fewer than 20 train rows" in Path("rare.html").read_text()
    names: dict[str, object] = {}
    exec(TEST, names)
    names["test_rare"]()  # type: ignore[operator]


def test_every_other_part_conforms(install: Install) -> None:
    sources = {f"part_{number}": source for number, source in enumerate(OTHERS)}
    install(sources, {EXTENSIONS: dict.fromkeys(sources, "")})
    load_extensions()
    assert extension_problems() == []
    check_metric("first-items")
    check_statistic("top_share")
    check_protocol("by-turns")
    check_reader("pairs", b"ann>b1\nbob>b1\nbob>b2\n", events=3)
