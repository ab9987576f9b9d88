"""The GitHub Action: its scripts as a runner calls them, with a stand-in for the tool."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recsys_core.reading import parse_yaml
from tests.reports.folders import make_run, make_unfinished
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.folder import read_report_run
from workbench.reports.gates import parse_gate
from workbench.reports.github import workflow_commands
from workbench.reports.write import write_report

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = parse_yaml((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
#: where the tool is
TOOLS = Path(sys.executable).parent
#: what a shell would run, would it read it as code
HOSTILE = "$(touch pwned) `touch pwned`; touch pwned \" ' && touch pwned #"
STAND_IN = """#!/usr/bin/env bash
printf '%s\\0' "$@" >arguments
[ ! -d written ] || { mkdir -p recsys-report && cp written/* recsys-report; }
cat said
exit "$(cat code)"
"""


@dataclass(frozen=True)
class Done:
    code: int
    lines: Sequence[str]
    arguments: Sequence[str]
    outputs: dict[str, str]
    summary: str


@dataclass(frozen=True)
class Runner:
    """A runner's folders; the tool says and writes what it is told to."""

    folder: Path

    def prepare(self, code: int, said: str = "", report: dict[str, Any] | None = None) -> None:
        (self.folder / "code").write_text(str(code))
        (self.folder / "said").write_text(said)
        if report is not None:
            for name in ("report.json", "report.md"):
                write_report(report, self.folder / "written" / name)

    def evaluate(self, bin_folder: Path | None = None, **inputs: str) -> Done:
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        given = {name: each["default"] for name, each in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        variables = {f"RW_{name.upper().replace('-', '_')}": value for name, value in given.items()}
        variables["RW_BIN"] = str(bin_folder or self.folder / "bin")
        done = subprocess.run(
            ["bash", str(ROOT / ".github" / "action" / "evaluate.sh")],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", **variables, **{k: str(v) for k, v in files.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        asked = self.folder / "arguments"
        outputs = files["GITHUB_OUTPUT"].read_text()
        return Done(
            done.returncode,
            done.stdout.splitlines(),
            asked.read_text().split("\0")[:-1] if asked.exists() else (),
            dict(line.split("=", 1) for line in outputs.splitlines()),
            files["GITHUB_STEP_SUMMARY"].read_text(),
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "recsys-workbench").write_text(STAND_IN)
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for each in tools.iterdir():
        each.chmod(0o755)
    return Runner(tmp_path)


def report_of(folder: Path, gates: Sequence[str] = (), drop: float = 0.0) -> dict[str, Any]:
    """Build the report of a run that is worse by `drop` than its baseline, for each user."""
    users = [0.2, 0.4, 0.1, 0.3]
    old = make_run(folder, "mf", run_id="old", users={"ndcg@10": users})
    new = make_run(folder, "mf", run_id="new", users={"ndcg@10": [u - drop for u in users]})
    return build_report(
        [read_report_run(new)],
        suite="quick",
        gates=[parse_gate(gate) for gate in gates],
        baseline=read_baseline(old, {"ndcg@10": 0.01}),
    )


def test_gates_that_are_met(runner: Runner) -> None:
    runner.prepare(0, "a table\n", report_of(runner.folder, ["mf:ndcg@10>=0.2"]))
    done = runner.evaluate()
    assert done.code == 0
    assert done.outputs == {"exit-code": "0", "verdict": "met", "report-dir": "recsys-report"}
    assert done.lines[-1] == "::notice title=recsys-workbench::All 2 conditions met."
    assert not any(line.startswith("::error") for line in done.lines)
    assert done.summary.startswith("# quick on tiny, user-timeline\n")


def test_gates_that_are_not_met_are_annotated_where_they_belong(runner: Runner) -> None:
    runner.prepare(1, "", report_of(runner.folder, ["mf:ndcg@10>=0.5"], drop=0.05))
    (runner.folder / "a,b.yaml").write_text("")
    done = runner.evaluate(suite="a,b.yaml", baseline="gone.json")
    assert (done.code, done.outputs["verdict"]) == (1, "not-met")
    gate, worse = (line for line in done.lines if line.startswith("::error"))
    assert (
        gate == "::error file=a%2Cb.yaml,title=Gate not met::mf:ndcg@10>=0.5: the value is 0.2000"
    )
    assert worse == (
        "::error title=Worse than the baseline::mf: ndcg@10 is 0.2000, in the baseline 0.2500:"
        " -0.0500, allowed is a change for the worse of 0.01; 95 %25 interval -0.0500 to -0.0500,"
        " p <0.001"
    )


def test_a_wrong_configuration_is_said_in_the_annotation_and_the_summary(runner: Runner) -> None:
    said = "start\nerror: unknown suite '50%'\ndid you mean 'quick'? valid: quick\n"
    runner.prepare(2, said)
    done = runner.evaluate(suite="50%")
    assert (done.code, done.outputs["verdict"]) == (2, "invalid")
    assert done.lines[-1] == (
        "::error title=recsys-workbench::error: unknown suite '50%25'%0Adid you mean 'quick'?"
        " valid: quick"
    )
    assert "    error: unknown suite '50%'\n    did you mean" in done.summary


@pytest.mark.parametrize(("code", "verdict"), [(3, "failed"), (130, "interrupted")])
def test_other_exit_codes_are_carried_through(runner: Runner, code: int, verdict: str) -> None:
    runner.prepare(code)
    done = runner.evaluate()
    assert (done.code, done.outputs["verdict"]) == (code, verdict)


def test_inputs_are_words_and_never_code(runner: Runner) -> None:
    runner.prepare(0)
    done = runner.evaluate(
        suite=HOSTILE,
        dataset="-h",
        models="a b,*",
        gates=f"  {HOSTILE}  \r\n\n\tb:auc>=0.5",
        tolerances="ndcg@10=0",
        options=f"--threads=1\n{HOSTILE}",
        report_dir=f"-n {HOSTILE}",
    )
    assert done.arguments[2:] == [
        "--data-dir=data",
        "eval",
        "--plain",
        f"--suite={HOSTILE}",
        "--dataset=-h",
        "--models=a b,*",
        f"--gate={HOSTILE}",
        "--gate=b:auc>=0.5",
        "--tolerance=ndcg@10=0",
        "--threads=1",
        HOSTILE,
        *(f"--report=-n {HOSTILE}/{name}" for name in (
            "report.json", "report.md", "report.html", "junit.xml",
        )),
    ]  # fmt: skip
    assert not list(runner.folder.rglob("pwned"))


def test_a_line_break_adds_no_output(runner: Runner) -> None:
    runner.prepare(0)
    done = runner.evaluate(report_dir="x\nverdict=met")
    assert (done.code, done.arguments) == (2, ())
    assert done.outputs == {"exit-code": "2", "verdict": "invalid", "report-dir": ""}
    assert done.lines == ["::error title=recsys-workbench::input report-dir: it has a line break"]


def test_what_data_says_is_no_command_to_the_runner(runner: Runner) -> None:
    runner.prepare(0, "::error::from a label\n::set-output name=x::y\n")
    first, second = runner.evaluate().lines, runner.evaluate().lines
    token = first[0].removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert first[1:4] == ["::error::from a label", "::set-output name=x::y", f"::{token}::"]
    assert second[0] != first[0]


def test_the_report_of_an_earlier_step_is_not_taken_for_this_one(runner: Runner) -> None:
    write_report(report_of(runner.folder), runner.folder / "recsys-report" / "report.json")
    runner.prepare(2, "error: wrong\n")
    assert not any(line.startswith("::notice") for line in runner.evaluate().lines)
    refused = runner.evaluate(baseline="recsys-report/report.json")
    assert refused.code == 2
    assert "keep the baseline in another folder" in refused.lines[0]


def test_no_more_than_github_shows(tmp_path: Path) -> None:
    failed = read_report_run(make_unfinished(tmp_path, "ease", reason="50 % of\n::error::it"))
    gates = [f"mf:ndcg@10>={n}" for n in range(1, 14)]
    run = read_report_run(make_run(tmp_path, "mf"))
    report = build_report([run, failed], suite="x", gates=[parse_gate(each) for each in gates])
    *errors, notice = workflow_commands(report, "", "")
    assert len(errors) == 10
    assert errors[0] == (
        "::error title=Run without a result::ease seed 0: failed: 50 %25 of\\n::error::it"
    )
    assert errors[-1] == "::error title=And more::5 more: see the job summary"
    assert notice.startswith("::notice title=recsys-workbench::1 of 2 runs without a result")


def test_the_tool_itself_refuses_an_option(runner: Runner) -> None:
    done = runner.evaluate(TOOLS, options="--nope")
    assert (done.code, done.outputs["verdict"]) == (2, "invalid")
    assert done.lines[-1].startswith("::error title=recsys-workbench::error: ")
    assert "--nope" in done.lines[-1]


@pytest.mark.extras  # it has pictures drawn, too
def test_the_tool_itself_fails_a_gate(runner: Runner) -> None:
    done = runner.evaluate(
        TOOLS,
        dataset="sample",
        models="popularity",
        gates="popularity:ndcg@10>=0.9",
        options="--threads=1\n--offline\n--k=10",
    )
    assert (done.code, done.outputs["verdict"]) == (1, "not-met")
    (error,) = (line for line in done.lines if line.startswith("::error"))
    assert error.startswith("::error title=Gate not met::popularity:ndcg@10>=0.9: the value is 0.0")
    written = {file.name for file in (runner.folder / "recsys-report").iterdir()}
    assert written == {"report.json", "report.users.npz", "report.md", "report.html", "junit.xml"}
    assert "popularity:ndcg@10" in done.summary
    page = (runner.folder / "recsys-report" / "report.html").read_text(encoding="utf-8")
    assert 'class="picture"' in page


def test_the_tool_is_installed_from_the_checkout_alone(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/usr/bin/env bash\n"
        'printf "%s\\n" "$*" >>"$RUNNER_TEMP/asked"\n'
        '[ "$2" != venv ] || { mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; }\n'
    )
    python.chmod(0o755)

    def install(extras: str) -> subprocess.CompletedProcess[str]:
        variables = {"RW_PYTHON": str(python), "RW_EXTRAS": extras, "RUNNER_TEMP": str(tmp_path)}
        return subprocess.run(
            ["bash", str(ROOT / ".github" / "action" / "install.sh")],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "out"), **variables},
            capture_output=True,
            text=True,
        )

    assert install("plots").returncode == 0
    *_, pip = (tmp_path / "asked").read_text().splitlines()
    assert pip.startswith("-m pip install")
    assert pip.endswith(f" {ROOT}[plots]")
    assert (tmp_path / "out").read_text() == f"bin={tmp_path}/recsys-workbench/bin\n"
    refused = install("plots]; touch pwned #")
    assert (refused.returncode, refused.stdout[:7]) == (2, "::error")


def test_no_input_is_written_into_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step["run"]
    used = "".join(str(step["env"]) for step in STEPS)
    assert set(re.findall(r"inputs\.([a-z-]+)", used)) == set(ACTION["inputs"])


def test_the_page_names_every_input_and_output() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in page, name


def test_workflows_ask_for_little_and_name_what_they_use() -> None:
    for path in (ROOT / ".github" / "workflows").iterdir():
        text = path.read_text(encoding="utf-8")
        workflow: dict[str, Any] = parse_yaml(text)
        assert workflow["permissions"] == {"contents": "read"}
        for used in re.findall(r"uses: (.+)", text):
            assert re.fullmatch(r"(\./|[\w/-]+@[0-9a-f]{40} # v[\d.]+)", used), used
