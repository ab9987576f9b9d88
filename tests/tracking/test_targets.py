"""``--track NAME:WHERE``: what is refused before a job begins, without repeating a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_core.errors import InputError
from tests.extensions.conftest import Install
from tests.extensions.conftest import install as install
from workbench.tracking import targets
from workbench.tracking.targets import TRACKERS, Target, check_installed, load_tracker, parse_target


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("mlflow:http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("mlflow:sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("mlflow:databricks", "databricks"),
        ("mlflow:mlruns", str(Path.cwd() / "mlruns")),
        ("tensorboard:curves", str(Path.cwd() / "curves")),
    ],
)
def test_folders_become_absolute_and_addresses_stay(text: str, where: str) -> None:
    assert parse_target(text).where == where


@pytest.mark.parametrize("text", ["mlflow", "mlflow:", ":here"])
def test_another_form(text: str) -> None:
    with pytest.raises(InputError, match="not of the form NAME:WHERE"):
        parse_target(text)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="did you mean 'mlflow'"):
        parse_target("mflow:http://here")


@pytest.mark.parametrize(
    "where",
    ["http://me:pass@host:5000", "postgresql://me:pass@host/db", "https://host/?token=pass"],
)
def test_a_password_is_refused_and_not_repeated(where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_target(f"mlflow:{where}")
    assert "pass@" not in str(caught.value)
    assert "=pass" not in str(caught.value)
    assert "MLFLOW_TRACKING_PASSWORD" in caught.value.remedy


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'recsys-workbench\[mlflow\]'"):
        check_installed(parse_target("mlflow:http://here"))


def test_trackers_of_packages(install: Install) -> None:
    source = "class Ours:\n    def __init__(self, where):\n        self.where = where\n"
    broken = "import not_there\n"
    points = {"ours": "ours_tracker:Ours", "broken": "broken_tracker:Ours"}
    install({"ours_tracker": source, "broken_tracker": broken}, {TRACKERS: points})
    assert parse_target("ours:any:thing") == Target("ours", "any:thing")
    assert load_tracker(Target("ours", "here"))().where == "here"  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"tracker 'broken'.*No module named 'not_there'"):
        load_tracker(Target("broken", "here"))
