"""`recsys-workbench --headless --help` against importing click."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, median_seconds


def measure() -> Iterator[Figure]:
    """Time both as whole processes, in turn."""
    program = str(Path(sys.executable).with_name("recsys-workbench"))
    ours = [program, "--headless", "--help"]
    peer = [sys.executable, "-c", "import click"]
    for command in (ours, peer):  # fill the disk cache
        subprocess.run(command, check=True, capture_output=True)
    times = [
        median_seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True), 15)  # type: ignore[misc]
        for command in (ours, peer)
    ]
    yield Figure("--headless --help", "s", times[0], times[1], "python -c 'import click'", 1 / 3)
