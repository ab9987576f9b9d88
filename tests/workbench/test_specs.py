"""One model on the line and the same model in a suite are the same job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import Suite, SuiteJob
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.specs import changed_suite, specs_of_model, specs_of_suite

OPTIONS = JobOptions(
    dataset="sample",
    protocol="leave-last-out",
    ks=(20, 5),
    changes=("epochs=3", "protocol.relevance=3", "mine.dim=8"),
    seeds=(1, 0),
    threads=2,
    device="auto",
)
MF = SuiteJob(model="mf", label="mine", params={"dim": 16, "loss": "bpr"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(runs_dir=tmp_path / "runs", data_dir=tmp_path / "data")


def test_a_model_is_one_job_per_seed_as_in_a_suite(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mf.yaml").write_text("dim: 16\nloss: bpr\n")
    specs = specs_of_model("mf", "mine", None, tmp_path / "mf.yaml", OPTIONS, settings)
    expected = JobSpec(
        dataset="sample",
        protocol={"name": "leave-last-out", "relevance": 3},
        model="mf",
        params={"dim": 8, "loss": "bpr", "epochs": 3},
        label="mine",
        ks=(5, 20),
        seed=1,
        threads=2,
        device="auto",
    )
    assert specs == [expected, expected.model_copy(update={"seed": 0})]
    suite = Suite(
        name="s", dataset="ml-1m", protocol={"name": "leave-last-out", "relevance": 2}, jobs=(MF,)
    )
    of_suite = replace(OPTIONS, changes=("mine.epochs=3", "protocol.relevance=3", "mine.dim=8"))
    assert specs_of_suite(changed_suite(suite, of_suite), of_suite, settings) == specs


def test_a_model_alone_has_these_defaults(settings: Settings) -> None:
    specs = specs_of_model("popularity", "", None, None, JobOptions(seeds=(4, 5)), settings)
    # no seed changes it: the first stands for both
    assert specs == [JobSpec(dataset="ml-100k", model="popularity", label="popularity", seed=4)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (("epochs",), "--set 'epochs' is not of the form FIELD=VALUE"),
        (("=3",), "--set 'mf.=3' is not of the form LABEL.FIELD=VALUE"),
        (
            ("item-cf.neighbours=3",),
            "label in --set 'mf.item-cf.neighbours=3': 'mf.item-cf'",
        ),
        (("epoch=3",), "unknown field of model mf 'epoch'"),
        (("protocol.relevence=3",), "'relevence'"),
    ],
)
def test_wrong_changes_are_named(
    settings: Settings, changes: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(InputError) as told:
        specs_of_model("mf", "", None, None, JobOptions(changes=changes), settings)
    assert problem in told.value.problem


def test_a_value_that_no_job_has_is_named_by_its_field(settings: Settings) -> None:
    with pytest.raises(InputError) as told:
        specs_of_model("mf", "x" * 201, None, None, JobOptions(), settings)
    assert told.value.problem.startswith("job mf: label = 'xxx")
