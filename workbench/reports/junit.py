"""JUnit XML: what CI servers show. A test case a run, a gate and a baseline row."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from workbench.reports.metrics import number, p_text, signed
from workbench.store.text import plain


def to_junit(report: Mapping[str, Any]) -> str:
    """Write the report as JUnit XML: suites ``runs``, ``gates`` and ``baseline``.

    A run without a result is an error, a condition that is not met a failure, a baseline row that
    is not judged (no tolerance) a skipped case.
    """
    root = ET.Element("testsuites", name=plain(report["suite"]))
    _suite(root, "runs", [_run_case(run) for run in report["runs"]])
    _suite(root, "gates", [_gate_case(gate) for gate in report["gates"]])
    _suite(root, "baseline", [_baseline_case(row) for row in report["baseline"]])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(root: ET.Element, name: str, cases: list[ET.Element]) -> None:
    if not cases:
        return
    suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)))
    outcomes = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for attribute, tag in outcomes.items():
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    suite.extend(cases)


def _case(kind: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.Element(
        "testcase", classname=f"recsys-workbench.{kind}", name=plain(name), time=f"{seconds:.3f}"
    )


def _run_case(run: Mapping[str, Any]) -> ET.Element:
    seconds = (run["fit_seconds"] or 0.0) + (run["eval_seconds"] or 0.0)
    case = _case("runs", f"{run['label']} seed {run['seed']}", seconds)
    if run["status"] != "succeeded":
        message = f"{run['status']}: {run['reason'] or 'no reason given'}"
        error = ET.SubElement(case, "error", type=run["status"], message=plain(message))
        error.text = plain(f"see log.txt of run {run['run_id']}")
    lines = [f"{metric} = {number(value, 6)}" for metric, value in run["metrics"].items()]
    ET.SubElement(case, "system-out").text = "\n".join(
        plain(line) for line in [f"run {run['run_id']}", *lines]
    )
    return case


def _gate_case(gate: Mapping[str, Any]) -> ET.Element:
    case = _case("gates", gate["gate"])
    if not gate["passed"]:
        message = f"{gate['gate']} not met: value {number(gate['value'], 6)}"
        ET.SubElement(case, "failure", type="gate", message=plain(message))
    return case


def _baseline_case(row: Mapping[str, Any]) -> ET.Element:
    case = _case("baseline", f"{row['label']}:{row['metric']}")
    if row["passed"] is None:
        ET.SubElement(case, "skipped", message="no tolerance given: shown, not judged")
    elif not row["passed"]:
        message = (
            f"{row['label']}:{row['metric']} {number(row['value'], 6)}, baseline"
            f" {number(row['baseline'], 6)}, delta {signed(row['delta'])}, tolerance"
            f" {row['tolerance']:g}, p {p_text(row['p_value'])}"
        )
        ET.SubElement(case, "failure", type="baseline", message=plain(message))
    return case
