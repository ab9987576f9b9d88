"""`doctor`: whether installation, machine and folders are in order."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from recsys_core.values import counted
from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import print_json, say
from workbench.doctor.check import Check
from workbench.doctor.checks import all_checks
from workbench.store.text import plain


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def doctor(settings: Settings, as_json: bool) -> int:
    """Check versions, machine, terminal, folders, data sets, runs and plug-ins.

    Exits with 2 when something is wrong; notes are no fault.
    """
    checks = list(all_checks(settings.runs_dir, settings.data_dir))
    wrong = sum(check.state == "wrong" for check in checks)
    if as_json:
        print_json({"schema": 1, "wrong": wrong, "checks": [asdict(check) for check in checks]})
    else:
        _print(checks)
        notes = sum(check.state == "note" for check in checks)
        say(f"{wrong or 'nothing'} wrong, {counted(notes, 'note')}")
    return 2 if wrong else 0


def _print(checks: list[Check]) -> None:
    """Print a line per finding, and below it what to do."""
    widest = max(len(check.name) for check in checks)
    for check in checks:
        start = f"{check.state:<5}  {check.name:<{widest}}  "
        sys.stdout.write(f"{start}{_line(check.found)}\n")
        if check.remedy:
            sys.stdout.write(f"{' ' * len(start)}{_line(check.remedy)}\n")


def _line(text: str) -> str:
    return plain(" ".join(text.split()))
