"""The form of a new job as plain values: groups, sweeps, fields inside others, YAML, copies."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from tests.tui.folders import write_run
from workbench.jobs.catalogue import Catalogue, load_catalogue
from workbench.store.runs import Run
from workbench.store.summary import read_summary
from workbench.tui.view.form import (
    Form,
    as_yaml,
    estimate_arguments,
    field_meant,
    job_from_run,
    matches,
    say_estimate,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def form_of(catalogue: Catalogue, model: str) -> Form:
    form = Form(catalogue, ["sample"], [])
    form.set("model", model)
    return form


@pytest.fixture
def two_stage(catalogue: Catalogue) -> Form:
    return form_of(catalogue, "two-stage")


def settings(form: Form) -> dict[str, object]:
    """What follows ``--set``, as values."""
    words = form.arguments()
    pairs = [b.split("=", 1) for a, b in pairwise(words) if a == "--set"]
    return {name: json.loads(text) for name, text in pairs}


def test_fields_stand_in_groups_those_of_the_model_first(catalogue: Catalogue) -> None:
    sections = {section.title: section for section in form_of(catalogue, "mf").sections()}
    titles = list(sections)
    assert titles[0] == "job"
    assert titles[1] == "data"
    assert titles[2].startswith("mf: ")
    assert titles[3:5] == ["training", "sampling"]
    assert titles[5].startswith("protocol user-timeline: ")
    names = {title: [each.name for each in sections[title].fields] for title in titles}
    assert names[titles[2]][:2] == ["loss", "dim"], "its own fields, not those of its parents"
    assert names["training"][:3] == ["epochs", "batch_size", "learning_rate"]
    assert "negatives" in names["sampling"]


def test_nproc_is_asked_of_models_that_several_processes_can_train(catalogue: Catalogue) -> None:
    together = form_of(catalogue, "dssm")
    assert together.fields()["nproc"].default == "1"
    together.set("nproc", "2")
    assert together.problems() == {}
    assert "--nproc=2" in together.arguments()
    together.set("model", "mf")
    assert "nproc" in together.fields(), "what was put in can be seen, and taken back"
    alone = form_of(catalogue, "mf")
    assert "nproc" not in alone.fields()
    assert "threads" in alone.fields()


@pytest.mark.parametrize(
    ("texts", "trials", "said"),
    [
        ({"dim": "16,32,64"}, "3", "3 combinations"),
        ({"dim": "16,32,64", "l2": "0,1e-3,1e-2"}, "9", "9 combinations"),
        ({"dim": "int(1,50)"}, "20", "50 combinations"),
        ({"dim": "16,32", "l2": "log(1e-4,1e-1)"}, "20", "continuous: no end of combinations"),
        ({"loss": "sweep", "dim": "log(8,9)"}, "8", "8 combinations"),  # 4 losses
    ],
)
def test_combinations_are_counted(
    catalogue: Catalogue, texts: dict[str, str], trials: str, said: str
) -> None:
    form = form_of(catalogue, "mf")
    for name, text in texts.items():
        form.set(f"mf.{name}", text)
    assert form.problems() == {}
    assert f"--trials={trials}" in form.arguments()
    assert form.hint(form.fields()["trials"]).startswith(said)


def test_a_sweep_has_a_pruner_and_a_budget(catalogue: Catalogue) -> None:
    form = form_of(catalogue, "mf")
    of_sweep = {"trials", "pruner", "budget"}
    assert not of_sweep & set(form.fields()), "a job that is no sweep has none"
    form.set("mf.dim", "16,32")
    assert of_sweep <= set(form.fields())
    assert not {"--pruner", "--budget"} & {word.partition("=")[0] for word in form.arguments()}
    form.set("pruner", "medain")
    form.set("budget", "soon")
    assert "did you mean 'median'" in form.problems()["pruner"]
    assert "'soon' is not a duration" in form.problems()["budget"]
    form.set("pruner", form.completions(form.fields()["pruner"], "med")[0])
    form.set("budget", "90m")
    assert form.problems() == {}
    assert {"--pruner=median", "--budget=90m"} <= set(form.arguments())
    assert not {"--pruner=median", "--budget=90m"} & set(estimate_arguments(form))
    as_yaml.take_job(form, as_yaml.write_job(form).replace("budget: 90m", "budget: 1800"))
    assert {"--pruner=median", "--budget=1800"} <= set(form.arguments())
    form.set("mf.dim", "16")
    assert not {"--pruner=median", "--budget=1800"} & set(form.arguments())


def test_several_values_are_searched_where_a_field_takes_one(catalogue: Catalogue) -> None:
    form = form_of(catalogue, "deepfm")
    form.set("deepfm.embedding_size", "8,16")
    form.set("deepfm.hidden", "64,32")
    words = form.arguments()
    assert ["--sweep", "embedding_size=choice(8,16)"] in [
        words[i : i + 2] for i in range(len(words))
    ]
    assert settings(form) == {"hidden": [64, 32]}, "a list is a list"
    form.set("deepfm.embedding_size", "8,0")
    assert "0 must be at least 1" in form.problems()["deepfm.embedding_size"]


def test_values_around_the_default_are_proposed(catalogue: Catalogue) -> None:
    form = form_of(catalogue, "mf")
    fields = form.fields()
    assert form.completions(fields["mf.dim"], "") == ["64,128,256"]
    rates = form.completions(fields["mf.learning_rate"], "")
    assert rates == ["0.002,0.005,0.02"]
    assert form.completions(fields["mf.loss"], "")[-1] == "sweep"
    assert form.completions(fields["seeds"], "") == []


def test_fields_inside_others_are_rows(two_stage: Form) -> None:
    fields = {each.path: each for each in two_stage.fields().values() if each.path}
    assert fields["channels.0.model"].default == "ease"
    assert fields["channels.0.params.rating_exponent"].default == "2.0", "as the model begins"
    assert fields["ranker.params.dropout"].default == "0.1", "of mlp, which is no model by itself"
    assert [fields[path].depth for path in ("channels", "channels.0", "channels.0.quota")] == [
        0,
        1,
        2,
    ]
    assert settings(two_stage) == {}, "nothing is said of what nobody changed"


def test_what_is_changed_inside_becomes_one_value(two_stage: Form) -> None:
    two_stage.set("two-stage.merge.size", "500")
    two_stage.set("two-stage.ranker.loss", "pointwise")
    two_stage.set("two-stage.channels.0.params.ease.l2", "9")
    two_stage.set("two-stage.channels.1.model", "mf")
    assert "two-stage.channels.1.params.mf.dim" in two_stage.fields(), "its fields follow"
    two_stage.set("two-stage.channels.1.params.mf.dim", "8")
    recent = {"history_half_life": 5.0, "rating_exponent": 2.0}
    assert settings(two_stage) == {
        "merge": {"size": 500},
        "ranker": {"loss": "pointwise"},
        "channels": [
            {"model": "ease", "params": {**recent, "l2": 9}},
            {"model": "mf", "params": {"dim": 8}},
            {"model": "popularity", "quota": 50},
        ],
    }


def test_channels_are_added_and_removed(two_stage: Form) -> None:
    channels = two_stage.fields()["two-stage.channels"]
    place = two_stage.nested.add(channels, 0)
    two_stage.nested.remove(channels, 0)
    added = next(k for k, each in two_stage.fields().items() if each.path == "channels.0.model")
    assert place == 1
    assert two_stage.problems() == {added: "give either model (and params) or run"}
    two_stage.set(added, "lr")
    assert two_stage.problems()[added] == "lr is a ranking model; a channel is a recall model"
    two_stage.set(added, "item-cf")
    assert two_stage.problems() == {}
    channels_set = settings(two_stage)["channels"]
    assert channels_set == [
        {"model": "item-cf"},
        {"model": "word2vec"},
        {"model": "popularity", "quota": 50},
    ]


def test_a_channel_may_take_the_model_of_a_run(two_stage: Form) -> None:
    two_stage.set("two-stage.channels.0.run", "20260101-000000-ease-abcd")
    assert two_stage.problems() == {}
    found = settings(two_stage)["channels"]
    assert isinstance(found, list)
    assert found[0] == {"run": "20260101-000000-ease-abcd"}, "neither model nor params"


def test_a_part_that_is_typed_as_a_whole_is_taken_apart(two_stage: Form) -> None:
    two_stage.set("two-stage.rerank", "[{name: mmr, trade_off: 0.5}, {name: genre-caps, cap: 3}]")
    paths = [each.path for each in two_stage.fields().values() if each.path.startswith("rerank")]
    assert "rerank.0.trade_off" in paths
    assert "rerank.1.cap" in paths
    assert "rerank.1.trade_off" not in paths, "each step has its own fields"
    two_stage.set("two-stage.merge", "{sise: 5}")
    assert two_stage.text("two-stage.merge") == "{sise: 5}", "nothing that was typed is lost"
    assert "did you mean 'size'" in two_stage.problems()["two-stage.merge"]
    two_stage.set("two-stage.merge", "")
    two_stage.set("two-stage.channels", "[{model: ease, params: {l3: 1}}]")
    assert "unknown field of ease 'l3'" in two_stage.problems()["two-stage.channels"]


@pytest.mark.parametrize(
    ("problem", "path"),
    [
        ("model two-stage: channels.1.quota = 0: input should be greater", "channels.1.quota"),
        ("channel word2vec (word2vec): dim = 0: input should be greater", "channels.1.params.dim"),
        ("ranker (mlp): dropout = 3: input should be less than 1", "ranker.params.dropout"),
        (
            "model two-stage: channel 'ease' occurs twice; give each its own label",
            "channels.0.label",
        ),
        ("unknown field of channel ease (ease) 'l3'", ""),
        ("the disk is full", ""),
    ],
)
def test_the_row_that_the_core_complains_of_is_found(
    two_stage: Form, problem: str, path: str
) -> None:
    fields = two_stage.fields()
    found = field_meant(problem, fields, two_stage.nested)
    assert (fields[found].path if found else "") == path


def test_fields_are_found_by_part_of_their_name(two_stage: Form, catalogue: Catalogue) -> None:
    fields = two_stage.fields()
    paths = [fields[key].full_name for key in matches(fields.values(), "quota")]
    assert paths == ["channels.0.quota", "channels.1.quota", "channels.2.quota"]
    fields = form_of(catalogue, "mf").fields()
    assert matches(fields.values(), "dim")[0] == "mf.dim"
    assert matches(fields.values(), "rate")[0] == "mf.learning_rate"
    assert matches(fields.values(), "nosuch") == []


def test_a_job_goes_through_yaml_and_back(two_stage: Form) -> None:
    for key, text in {
        "label": "five",
        "seeds": "0,1",
        "time-limit": "30m",
        "protocol": "random-per-user",
        "protocol random-per-user.k_core": "5",
        "two-stage.merge.size": "500",
        "two-stage.channels.1.model": "mf",
        "two-stage.channels.1.params.mf.dim": "8",
    }.items():
        two_stage.set(key, text)
    before = two_stage.arguments()
    as_yaml.take_job(two_stage, as_yaml.write_job(two_stage))
    assert sorted(two_stage.arguments()) == sorted(before)


def test_a_sweep_goes_through_yaml_and_back(catalogue: Catalogue) -> None:
    form = form_of(catalogue, "mf")
    form.set("mf.dim", "16,32")
    form.set("mf.learning_rate", "1e-3")
    written = as_yaml.write_job(form)
    assert "dim: 16,32" in written
    assert "  # epochs: 150  # integer 1 to 10000" in written, "what else there is to set"
    as_yaml.take_job(form, written.replace("16,32", "16,32,64").replace("  # l2: 0.0", "  l2: 0.5"))
    assert form.texts["mf.dim"] == "16,32,64"
    assert settings(form) == {"learning_rate": 0.001, "l2": 0.5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: mf\nparams: {dmi: 3}", "unknown field of mf 'dmi'"),
        ("model: mff", "unknown model 'mff'"),
        ("protocol: {name: random}", "unknown protocol 'random'"),
        ("parms: {}", "unknown field of the job 'parms'"),
        ("params: [1]", "params is not 'field: value' lines"),
        ("model: [mf", "not valid YAML"),
        ("- mf", "not 'field: value' lines"),
    ],
)
def test_a_wrong_yaml_changes_nothing(catalogue: Catalogue, text: str, said: str) -> None:
    form = form_of(catalogue, "mf")
    form.set("mf.dim", "8")
    before = form.state()
    with pytest.raises(InputError, match=said):
        as_yaml.take_job(form, text)
    assert form.state() == before


def test_one_field_goes_through_yaml(two_stage: Form) -> None:
    channel = two_stage.fields()["two-stage.channels.0"]
    written = as_yaml.write_field(two_stage, channel)
    assert "model: ease" in written
    as_yaml.take_field(two_stage, channel, written.replace("5.0", "7.0"))
    key = "two-stage.channels.0.params.ease.history_half_life"
    assert two_stage.texts[key] == "7.0"
    with pytest.raises(InputError, match="'other' is another field"):
        as_yaml.take_field(two_stage, channel, "other: 3")


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        ({"model": "gone", "params": {"a": 1}}, "model 'gone' is not installed"),
        ({"model": "mf", "params": {"pools": 1}}, "mf has no field 'pools' in this version"),
        ({"model": "mf", "refit": {"run": "r1"}}, "the fit on all rows of run r1"),
        ({"model": "mf", "update": {"run": "r1"}}, "the update of run r1"),
        ({"model": "external"}, "its scores are from a file"),
        ({"model": "mf", "protocol": {"name": "gone"}}, "protocol 'gone' is not installed"),
    ],
)
def test_what_cannot_be_taken_over_is_said(
    catalogue: Catalogue, tmp_path: Path, spec: dict[str, object], left: str
) -> None:
    run = Run(write_run(tmp_path, "mf"))
    run.write_spec({**run.spec, **spec})
    copied = job_from_run(read_summary(run.path), catalogue)
    assert [line for line in copied.left if line.startswith(left)]
    form = Form(catalogue, ["sample"], [])
    form.take(copied)
    assert form.sections(), "the rest can be used"


def test_a_run_whose_job_is_damaged_gives_what_is_known_of_it(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    folder = write_run(tmp_path, "mf")
    (folder / "spec.yaml").write_text("[")
    copied = job_from_run(read_summary(folder), catalogue)
    assert len(copied.left) == 1
    assert "spec.yaml" in copied.left[0]


def estimated(**changes: object) -> dict[str, object]:
    """A job's estimate as ``train --estimate --json`` writes it."""
    job = {"fit_seconds": 110.0, "fit_seconds_least": 20.0, "eval_seconds": 10.0}
    return {**job, "peak_rss_mb": 300.0, "refuses": False, "problem": None, **changes}


@pytest.mark.parametrize(
    ("jobs", "sweep", "said"),
    [
        ([estimated()], False, "about 30 s to 2 min, 300 MB"),
        ([estimated(fit_seconds_least=110.0)], False, "about 2 min, 300 MB"),
        ([estimated(), estimated()], False, "2 jobs: about 60 s to 4 min, 300 MB"),
        ([estimated()], True, "a trial with the defaults: about 30 s to 2 min, 300 MB"),
        ([estimated(peak_rss_mb=3000.0)], False, "about 30 s to 2 min, 2.9 GB; 2.0 GB are free"),
        ([estimated(refuses=True, problem="needs 9 GB")], False, "would refuse: needs 9 GB"),
        ([estimated(fit_seconds=None, problem="no rows")], False, "no estimate for this job"),
        ([], False, "no estimate for this job"),
        (None, False, "no estimate for this job"),
    ],
)
def test_an_estimate_says_no_more_than_is_known(jobs: object, sweep: bool, said: str) -> None:
    assert say_estimate({"jobs": jobs, "available_mb": 2048.0}, sweep) == said


def test_an_estimate_is_of_the_job_without_its_place_in_the_queue(catalogue: Catalogue) -> None:
    form = form_of(catalogue, "mf")
    for key, text in {"mf.dim": "8,16", "mf.epochs": "5", "priority": "3", "label": "x"}.items():
        form.set(key, text)
    words = estimate_arguments(form)
    assert words[:3] == ["train", "--estimate", "--json"]
    assert "epochs=5" in words
    assert not any("sweep" in w or "dim" in w or "priority" in w or "label" in w for w in words)


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("time-limit", "soon", "'soon' is not a duration: write e.g. 90s, 30m or 2h"),
        ("memory-limit", "4 X", "'4 X' is not a size: write e.g. 500M or 4G"),
        ("time-limit", "none", ""),
        ("mf.learning_rate", "0", "must be above 0"),
        ("mf.dim", "64,x", "x must be an integer 1 to 4096"),
        ("dataset", "nosuch", "unknown data set 'nosuch'"),
    ],
)
def test_what_is_wrong_with_a_field_is_said(
    catalogue: Catalogue, key: str, text: str, problem: str
) -> None:
    form = form_of(catalogue, "mf")
    form.set(key, text)
    assert form.problem(form.fields()[key]).startswith(problem)
    assert bool(form.problems()) == bool(problem)
