"""The catalogue: what is in it, and that jobs made of it are taken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recsys_core import extensions, registry
from recsys_core.config import Config
from recsys_core.registry import ModelInfo, model_info, model_names
from recsys_core.testing.checks import FORM_WORDS, schema_words
from workbench.cli.main import run_command_line
from workbench.jobs import catalogue as kept
from workbench.jobs.catalogue import Catalogue, read_catalogue
from workbench.jobs.catalogue_build import describe_all, describe_model
from workbench.jobs.json_schema import fields_of, problem_of
from workbench.jobs.queue import read_entry
from workbench.jobs.queue_files import pause
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.runs import Run
from workbench.tui.view.form import Form, Start

#: what `describe_config` adds to a schema
OURS = {"renamed", "groups"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.parse(describe_all())


def test_every_model_is_there_and_accepts_its_own_defaults(catalogue: Catalogue) -> None:
    assert list(catalogue.models) == model_names()
    for card in catalogue.models.values():
        assert card.schema is not None, card.problem
        assert card.title == model_info(card.name).title
        shared = card.schema.get("$defs", {})
        for name, entry in fields_of(card.schema).items():
            assert entry["description"], f"{card.name}.{name}"
            if entry.get("default") is not None:
                assert problem_of(entry["default"], entry, shared) == "", f"{card.name}.{name}"


def test_every_word_of_the_schemas_is_read_or_says_nothing_of_values(catalogue: Catalogue) -> None:
    """A word that the checker does not know would be a rule that the form does not follow."""
    cards = catalogue.models.values()
    schemas = [{k: v for k, v in (card.schema or {}).items() if k not in OURS} for card in cards]
    schemas += [entry["schema"] for entry in catalogue.protocols.values()]
    assert {word for schema in schemas for word in schema_words(schema)} <= FORM_WORDS


def test_bounds_of_every_model_are_pydantics(catalogue: Catalogue) -> None:
    for card in catalogue.models.values():
        assert card.schema is not None
        shared = card.schema.get("$defs", {})
        for field, entry in fields_of(card.schema).items():
            for value in _near_the_bounds(entry):
                told = problem_of(value, entry, shared)
                refused = _refused(model_info(card.name).cls.Config, field, value)
                assert bool(told) == refused, f"{card.name}.{field} = {value!r}: {told}"


def _near_the_bounds(entry: Any) -> Iterator[Any]:
    """Yield what a field may just hold, and just not; and values of other kinds."""
    yield from (None, "", "no such choice")
    if entry.get("type") != "boolean":  # pydantic takes 0 and 1 for one
        yield from (-1, 0, 1, 0.5)
    for each in (entry, *entry.get("anyOf", ())):
        for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if word in each:
                yield from (each[word] - 1, each[word], each[word] + 1)
        yield from each.get("enum", ())


def _refused(config: type[Config], field: str, value: Any) -> bool:
    """Whether it is the field itself that is wrong, not what it needs of others."""
    try:
        config.model_validate({field: value})
    except ValidationError as error:
        return any(each["loc"][:1] == (field,) for each in error.errors())
    return False


def test_protocols_and_schemas_say_what_screens_show(catalogue: Catalogue) -> None:
    assert catalogue.protocols["user-timeline"]["by_time"]
    assert not catalogue.protocols["random-rows"]["by_time"]
    full = catalogue.features["movielens-full"]
    assert full["scopes"] == ["earlier"]
    liked = next(feature for feature in full["features"] if feature["name"] == "liked")
    assert (liked["source"], liked["kind"], liked["shares"]) == (
        "user-history",
        "sequence",
        "item_id",
    )


def test_a_model_that_does_not_load_says_why() -> None:
    card = describe_model("no-such-model")
    assert card.schema is None
    assert card.problem.startswith("unknown model 'no-such-model'")


def test_a_model_that_cannot_be_described_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class OddConfig(Config):
        size: float = float("nan")

    odd = ModelInfo("odd", "recall", "t", "p", type("Odd", (), {"Config": OddConfig}), False)
    monkeypatch.setitem(registry._registered, "odd", odd)
    assert "'odd' cannot be described: ValueError" in describe_model("odd").problem


def test_a_plugin_that_ends_the_process_is_named(
    tmp_path: Path,
) -> None:
    child = (
        "import sys; from importlib.metadata import EntryPoint"
        "\nfrom recsys_core import extensions, registry"
        "\nsys.path.insert(0, sys.argv[1])"
        "\npoint = EntryPoint('mine', 'crashing:Model', extensions.MODELS)"
        "\nregistry._plugins = lambda: {'mine': point}"
        "\nfrom workbench.jobs.catalogue_build import describe_model; describe_model('mine')"
    )
    (tmp_path / "crashing.py").write_text("import os\nos._exit(9)\n")
    command = [sys.executable, "-c", child, str(tmp_path)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 9
    with pytest.raises(StoreError, match="cannot be listed: the plug-in model 'mine' ends the"):
        kept.built_catalogue(tmp_path / "none.json", done.stderr)


def test_a_plugin_that_was_edited_is_described_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "edited_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('it is found, not imported')")
    fields = package / "fields.py"
    fields.write_text("DIM = 8")
    point = EntryPoint("mine", "edited_plugin.model:Mine", extensions.MODELS)
    monkeypatch.setattr(kept, "entry_points", lambda: EntryPoints([point]))
    monkeypatch.syspath_prepend(tmp_path)
    path = kept.catalogue_path()
    assert path == kept.catalogue_path()
    fields.write_text("DIM = 16")
    assert path != kept.catalogue_path()


def test_the_file_belongs_to_sources_and_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = kept.catalogue_path()
    assert path == kept.catalogue_path()
    assert path.parent == tmp_path / "recsys-workbench"
    monkeypatch.setattr(kept, "_plugins", lambda: ["mine mine.models:Mine 1.0\n"])
    assert kept.catalogue_path() != path
    path.parent.mkdir()
    path.write_text('{"models": [')
    assert read_catalogue(path) is None, "damaged: it is made again"


def test_the_form_copies_a_run_of_an_earlier_version(catalogue: Catalogue) -> None:
    spec = {"model": "dssm", "dataset": "sample", "params": {"pools": 3, "history": 9, "dim": 8}}
    form = Form(catalogue, ["sample"], [Start("a-run", spec)])
    form.set("from", "a-run")
    assert set(form.arguments()[-6:]) == {"--set", "heads=3", "max_len=9", "dim=8"}


def add(catalogue: Catalogue, texts: dict[str, str], runs: Path) -> None:
    """Fill in a form, and hand what it makes to ``queue add``."""
    pause(runs)  # nothing starts
    form = Form(catalogue, ["sample"], [])
    for key, text in texts.items():
        form.set(key, text)
    assert form.problems() == {}
    assert run_command_line([*form.arguments(), f"--runs-dir={runs}"], lambda *_: 0) == 0


def test_what_the_form_makes_is_what_queue_add_takes(
    catalogue: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    texts = {
        "model": "mf",
        "label": "mine",
        "seeds": "3,4",
        "k": "5,10",
        "threads": "1",
        "priority": "7",
        "mf.learning_rate": "1e-3",
        "mf.loss": "bpr",
        "mf.gradient_clip": "null",
        "protocol user-timeline.k_core": "5",
        "protocol user-timeline.drop_ratings": "3",
    }
    add(catalogue, texts, runs)
    added = sorted(list_runs(runs), key=lambda run: run.seed)
    assert [run.run_id for run in added] == capsys.readouterr().out.split()
    assert [run.seed for run in added] == [3, 4]
    spec = Run(added[0].folder).spec
    assert spec["label"] == "mine"
    assert spec["dataset"] == "sample"
    assert spec["ks"] == [5, 10]
    assert spec["protocol"] == {"name": "user-timeline", "k_core": 5, "drop_ratings": [3]}
    assert spec["params"] == {"learning_rate": 0.001, "loss": "bpr"}


def test_queue_add_takes_fields_inside_others_too(
    catalogue: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    texts = {
        "model": "two-stage",
        "two-stage.channels.1.model": "mf",
        "two-stage.channels.1.params.mf.learning_rate": "1e-3",
        "two-stage.ranker.params.mlp.hidden": "32,16",
        "two-stage.rerank": "[{name: genre-caps, cap: 3}]",
        "time-limit": "30m",
    }
    add(catalogue, texts, runs)
    run = Run(runs / capsys.readouterr().out.strip())
    params = run.spec["params"]
    assert params["channels"][1] == {"model": "mf", "params": {"learning_rate": 0.001}}
    assert params["ranker"] == {"params": {"hidden": [32, 16]}}
    assert params["rerank"] == [{"name": "genre-caps", "cap": 3}]
    entry = read_entry(run)
    assert entry is not None
    assert entry.time_limit == 1800.0
