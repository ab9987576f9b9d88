"""`data describe --features` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli.features import print_features
from workbench.cli.main import run_command_line


def run(*arguments: str) -> int:
    def session(*_: Path) -> int:
        raise AssertionError("no session was asked for")

    return run_command_line(arguments, session)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_table_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "describe", "sample", "--features") == 0
    out, _ = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert "default" in lines["schema"]
    assert "user-timeline" in lines["protocol"]
    assert "of item_id" in lines["liked"]
    assert "note" not in lines
    assert run("data", "describe", "sample", "--features", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in facts["features"]} >= {"user_id", "item_id", "liked"}
    assert facts["scopes"] == ["earlier"]


def test_a_schema_of_ones_own_under_another_protocol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nextends: ids\nscope: others\nfeatures:\n"
        "  - {name: seen, source: user-history, kind: sequence, column: all, "
        "share_embedding: item_id}\n"
    )
    command = ("data", "describe", "sample", "--features", "mine.yaml")
    assert run(*command, "--protocol", "random-rows") == 0
    out, _ = capsys.readouterr()
    assert "every other event of the user, later ones too" in out
    assert "user-history: all (others)" in out
    assert run(*command, "--protocol", "random") == 2
    assert "did you mean" in capsys.readouterr().err
    assert run("data", "describe", "sample", "--features", "mien") == 2
    assert "no feature schema is called 'mien'" in capsys.readouterr().err


def test_suspects_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "name": "oracle", "kind": "numeric", "source": "item", "reads": "oracle", "by": None,
        "scope": None, "transform": None, "shares": None, "values": 1, "missing": 0.0,
        "auc": 0.991, "suspicious": True,
    }  # fmt: skip
    unknown = {**row, "name": "quiet", "auc": None, "suspicious": False}
    facts = {
        "schema": "mine", "title": "", "scopes": [], "protocol": "user-timeline",
        "train": 10, "valid": 2, "features": [row, unknown],
    }  # fmt: skip
    print_features(facts)
    out, _ = capsys.readouterr()
    assert "0.9910  leak?" in out
    assert "note: oracle: almost perfect by itself on validation rows" in out
