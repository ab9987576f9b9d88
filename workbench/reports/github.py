"""Annotations of GitHub Actions: what of a report was not met, beside the file that asked for it.

``python -m workbench.reports.github REPORT SUITE BASELINE`` prints the workflow commands.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys_core.reading import is_file, read_json
from workbench.reports import view
from workbench.reports.metrics import number, p_text, signed
from workbench.store.text import plain

#: GitHub shows so many errors of a step; the last one says how many there are in all
_MOST = 10


def workflow_commands(report: Mapping[str, Any], suite: str, baseline: str) -> list[str]:
    """Write the workflow commands of a report.

    Parameters
    ----------
    suite, baseline
        As they were named; those that are files are what the annotations belong to.
    """
    found = [
        *(_command("Run without a result", _of_run(run), suite) for run in view.unfinished(report)),
        *(_command("Gate not met", text, suite) for text in _gates(report["gates"])),
        *(_command("Worse than the baseline", text, baseline) for text in _rows(report)),
    ]
    if len(found) > _MOST:
        more = len(found) - _MOST + 1
        found[_MOST - 1 :] = [_command("And more", f"{more} more: see the job summary", suite)]
    lines = [f"::notice title=recsys-workbench::{_data(view.verdict(report))}"]
    if note := report.get("baseline_note"):
        lines.append(f"::notice title=Baseline::{_data(note)}")
    return [*found, *lines]


def _of_run(run: Mapping[str, Any]) -> str:
    return f"{run['label']} seed {run['seed']}: {run['status']}: {run['reason'] or 'see the log'}"


def _gates(gates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for gate in gates:
        if not gate["passed"]:
            yield f"{gate['gate']}: the value is {number(gate['value'])}"


def _rows(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["baseline"]:
        if row["passed"] is False:
            yield f"{row['label']}: {row['metric']} {_difference(row)}"


def _difference(row: Mapping[str, Any]) -> str:
    if row["delta"] is None:
        return "cannot be compared: a value is missing, or the splits differ"
    text = (
        f"is {number(row['value'])}, in the baseline {number(row['baseline'])}:"
        f" {signed(row['delta'])}, allowed is a change for the worse of {row['tolerance']:g}"
    )
    if row.get("delta_ci95") and row["p_value"] is not None:
        low, high = row["delta_ci95"]
        text += f"; 95 % interval {signed(low)} to {signed(high)}, p {p_text(row['p_value'])}"
    return text


def _command(title: str, text: str, file: str) -> str:
    place = f"file={_property(Path(file).as_posix())}," if file and is_file(Path(file)) else ""
    return f"::error {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    """Escape the text of a workflow command, which ends with its line."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property, which ends with a comma or a colon, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def main(arguments: Sequence[str]) -> None:
    """Print the annotations of a report that was written just now."""
    report, suite, baseline = arguments
    for line in workflow_commands(read_json(Path(report)), suite, baseline):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
