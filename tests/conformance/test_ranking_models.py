"""What every registered ranking model must do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.evaluation.rows import auc
from recsys_core.events import Event
from recsys_core.features.batch import Batch
from recsys_core.protocols.split import Split
from recsys_core.ranking.base import RankingModel
from recsys_core.ranking.ranker import HEADER, WEIGHTS, Ranker
from recsys_core.registry import model_info, model_names
from tests.ranking.build import LAYOUT, batch, dataset, schema, split, wider

RANKING = [name for name in model_names() if model_info(name).stage == "ranking"]
pytestmark = pytest.mark.parametrize("name", RANKING, scope="module")

FAST: dict[str, Any] = {"epochs": 2, "batch_size": 512, "learning_rate": 0.04, "patience": 0}
#: for the models that have these fields
SMALL: dict[str, Any] = {"hidden": (32, 16), "expert_hidden": (16,), "tower_hidden": (8,)}


def build(name: str, tasks: int = 1) -> RankingModel:
    torch.manual_seed(0)
    cls = model_info(name).cls
    model: RankingModel = cls(cls.Config(), LAYOUT, tasks)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def unfitted(name: str, parts: Split, runtime: Runtime | None = None, **fields: Any) -> Ranker:
    cls = model_info(name).cls
    small = {field: width for field, width in SMALL.items() if field in cls.Config.model_fields}
    config = cls.Config.model_validate({**FAST, **small, **fields})
    features = schema(parts.dataset, histories=cls.needs_histories)
    return Ranker(name, config, features, runtime)


def fit(name: str, parts: Split, runtime: Runtime | None = None, **fields: Any) -> Ranker:
    return unfitted(name, parts, runtime, **fields).fit(parts)


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(dataset(interaction=False))


@pytest.fixture(scope="module")
def trained(name: str, parts: Split) -> Ranker:
    """A model that no test changes."""
    return fit(name, parts)


def pick(some: Batch, rows: list[int]) -> Batch:
    return Batch(
        some.single[rows],
        some.weighted[rows],
        some.weights[rows],
        some.widths,
        some.labels[rows],
    )


@pytest.mark.parametrize("tasks", [1, 3])
def test_logits_have_a_column_a_task(name: str, tasks: int) -> None:
    assert build(name, tasks)(batch()).shape == (3, tasks)


def test_gradients_reach_every_parameter(name: str) -> None:
    model = build(name).train()
    some = batch()
    for _ in range(8):  # dropout may hide a unit once
        loss = F.binary_cross_entropy_with_logits(model(some), some.labels)
        loss.backward()  # type: ignore[no-untyped-call]
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


#: the order of a sum depends on the number of rows and on the processor: in float64 that is worth
#: at most eps (2e-16) x terms of a logit (below 1,000) x their size (below 50)
ROUNDING = 1e-11


def in_float64(some: Batch) -> Batch:
    """Weigh in float64, in which a sum's order cannot be taken for an effect."""
    return replace(some, weights=some.weights.double(), labels=some.labels.double())


def test_a_row_does_not_depend_on_the_others(name: str) -> None:
    model, some = build(name).eval().double(), in_float64(batch())
    together = model(some)
    alone = torch.cat([model(pick(some, [row])) for row in range(3)])
    turned = model(pick(some, [2, 0, 1, 0]))
    torch.testing.assert_close(together, alone, rtol=0, atol=ROUNDING)
    torch.testing.assert_close(together[[2, 0, 1, 0]], turned, rtol=0, atol=ROUNDING)


def test_padding_changes_nothing(name: str) -> None:
    model = build(name).eval().double()
    narrow, wide = (model(in_float64(some)) for some in (batch(), wider(batch())))
    torch.testing.assert_close(narrow, wide, rtol=0, atol=ROUNDING)


def test_a_planted_effect_is_found(name: str, parts: Split) -> None:
    longer = fit(name, parts, epochs=8)
    scores = longer.predict(parts.test, parts.known)[:, 0].astype(np.float64)
    assert auc(parts.test.relevant.astype(np.int8), scores) > 0.87  # .9 is the most there is


def test_same_seed_same_predictions(name: str, parts: Split, trained: Ranker) -> None:
    one = trained.predict(parts.test, parts.known)
    same, other = (
        fit(name, parts, Runtime(seed=seed)).predict(parts.test, parts.known) for seed in (0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_to_load_it_takes_no_compiler(
    trained: Ranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.save(tmp_path)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # seconds that nobody needs
    Ranker.load(tmp_path)


def test_save_and_load(parts: Split, trained: Ranker, tmp_path: Path) -> None:
    trained.save(tmp_path)
    loaded = Ranker.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.predict(parts.test, parts.known), trained.predict(parts.test, parts.known)
    )


def test_foreign_weights_are_refused(parts: Split, trained: Ranker, tmp_path: Path) -> None:
    trained.save(tmp_path)
    whole = load_file(tmp_path / WEIGHTS)
    damages: list[Callable[[Tensor], Tensor | None]] = [
        lambda weight: torch.full_like(weight, torch.nan),
        lambda weight: weight.double(),
        lambda weight: weight[None],
        lambda weight: weight[:0],
        lambda weight: None,
    ]
    for number, weight in enumerate([*whole, *list(whole)[: len(damages)]]):
        changed = {**whole, weight: damages[number % len(damages)](whole[weight])}
        kept = {key: value.contiguous() for key, value in changed.items() if value is not None}
        save_file(kept, tmp_path / WEIGHTS)
        with pytest.raises(InputError, match=rf"damaged: weights '{weight}'.*\n.*--fresh"):
            Ranker.load(tmp_path)


def test_a_foreign_header_is_refused(parts: Split, trained: Ranker, tmp_path: Path) -> None:
    trained.save(tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    encoder = header["encoder"]["features"]
    larger = {"hidden": [10**9], "embedding_size": 512}
    config = {key: larger.get(key, value) for key, value in header["config"].items()}
    changes: list[dict[str, Any]] = [
        *({key: None} for key in header),
        {"model": "popularity"},
        {"model": "nonsense"},
        {"tasks": 0},
        {"tasks": 9},
        {"encoder": {"features": encoder[:-1]}},
        {"encoder": {"features": encoder[::-1]}},
        {"calibrations": {"like": 5}},
        *([{"config": config}] if config != header["config"] else []),
    ]
    for change in changes:
        (tmp_path / HEADER).write_text(json.dumps({**header, **change}))
        with pytest.raises(InputError):
            Ranker.load(tmp_path)
    (tmp_path / HEADER).write_text("[" * 5000)
    with pytest.raises(InputError, match="damaged: nested too deeply"):
        Ranker.load(tmp_path)


def test_a_resumed_fit_predicts_the_same(
    name: str, parts: Split, trained: Ranker, tmp_path: Path
) -> None:
    class CutOffError(Exception):
        pass

    def cut_off(event: Event) -> None:
        if event.metrics:
            raise CutOffError

    runtime = Runtime(checkpoint=tmp_path)
    with pytest.raises(CutOffError):
        unfitted(name, parts, runtime).fit(parts, cut_off)
    resumed = fit(name, parts, runtime)
    assert resumed.curve == trained.curve
    np.testing.assert_array_equal(
        resumed.predict(parts.test, parts.known), trained.predict(parts.test, parts.known)
    )


def test_labels_of_predicted_rows_are_not_looked_at(parts: Split, trained: Ranker) -> None:
    blind = Interactions(parts.dataset, parts.test.rows, None)  # every row counts as relevant
    np.testing.assert_array_equal(
        trained.predict(blind, parts.known), trained.predict(parts.test, parts.known)
    )


def test_configuration(name: str) -> None:
    config_class = model_info(name).cls.Config
    config = config_class()
    assert parse_config(config_class, config.model_dump(mode="json"), name) == config
    assert config_class.model_validate_json(config.model_dump_json()) == config
    undescribed = [
        field for field, info in config_class.model_fields.items() if not info.description
    ]
    assert undescribed == []
