"""Suites: packaged ones are sound, and a wrong one is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.names import check_metric_name
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.suites import load_suite, suite_names
from recsys_core.protocols.registry import make_protocol

TINY = """
name: tiny
dataset: sample
protocol: {name: user-timeline}
jobs:
  - {model: item-cf}
  - {model: item-cf, label: plain, params: {neighbours: 50}}
"""
SEEDED = """
  - {model: word2vec}
seeds: [0, 1]
"""


@pytest.mark.parametrize("name", suite_names())
def test_packaged_suites_are_sound(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    make_protocol(suite.protocol)
    for spec in suite.specs():
        model_config(spec)
    for figures in suite.references.values():
        for metric, reference in figures.items():
            check_metric_name(metric)
            assert reference.source


def test_only_one_suite_tells_the_time_of_the_target() -> None:
    told = {
        name: load_suite(name).protocol.get("request_time", "last") == "target"
        for name in suite_names()
    }
    assert [name for name, tells in told.items() if tells] == ["next-item-target-ml1m"]
    notes = load_suite("next-item-target-ml1m").references["hstu"]["ndcg@10"]
    assert notes.cited.endswith("(told the time of the target, as here; ids alone)")


def test_specs_are_written_out_by_job_then_seed(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.rstrip() + SEEDED)
    specs = load_suite(str(path)).specs(threads=1)
    # every seed gives the same item-cf: one is enough
    assert [(spec.name, spec.seed) for spec in specs] == [
        ("item-cf", 0),
        ("plain", 0),
        ("word2vec", 0),
        ("word2vec", 1),
    ]
    assert {spec.threads for spec in specs} == {1}
    assert specs[1].params == {"neighbours": 50}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ks: [0]", "suite tiny, item-cf: ks = (0,): every K must be at least 1"),
        ("seeds: [-1]", "suite tiny, item-cf: seed = -1: input should be greater than or equal to"),
    ],
)
def test_wrong_values_of_jobs_are_explained(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{TINY}{line}\n")
    with pytest.raises(InputError) as caught:
        load_suite(str(path)).specs()
    assert message in str(caught.value)


def test_select_takes_labels_and_model_names(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    suite = load_suite(str(path))
    assert suite.select(["plain", "popularity"]).labels == ["plain", "popularity"]
    with pytest.raises(InputError, match="unknown label or model 'plane'\ndid you mean 'plain'"):
        suite.select(["plane"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("label: plain, ", ""), "label 'item-cf' is used twice"),
        (("jobs:", "job:"), "unknown field of suite tiny.yaml 'job'\ndid you mean 'jobs'"),
        (("name: tiny\n", ""), "suite tiny.yaml: field 'name' is missing"),
        (("model: item-cf}", "model: item-cf"), "tiny.yaml: line 7, column 5 is not valid YAML"),
    ],
)
def test_wrong_suites_are_explained(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace(*change, 1))
    with pytest.raises(InputError) as caught:
        load_suite(str(path))
    assert message in str(caught.value)


def test_unknown_suite_and_missing_file() -> None:
    with pytest.raises(InputError, match="unknown suite 'quik'\ndid you mean 'quick'"):
        load_suite("quik")
    with pytest.raises(InputError, match="no such file"):
        load_suite("nowhere.yaml")
