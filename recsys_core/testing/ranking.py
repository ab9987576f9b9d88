"""What every ranking model must do, on ratings with a planted structure and by-hand batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.rows import auc
from recsys_core.events import Event
from recsys_core.features.batch import Batch
from recsys_core.protocols.split import Split
from recsys_core.ranking.base import RankingModel
from recsys_core.ranking.ranker import HEADER, WEIGHTS, Ranker
from recsys_core.registry import model_info
from recsys_core.testing.checks import AGAIN, check_fields, hold, refused, same
from recsys_core.testing.rated import LAYOUT, batch, dataset, schema, split, wider

FAST: dict[str, Any] = {"epochs": 2, "batch_size": 512, "learning_rate": 0.04, "patience": 0}
#: for the models that have these fields
SMALL: dict[str, Any] = {"hidden": (32, 16), "expert_hidden": (16,), "tower_hidden": (8,)}
#: the order of a sum depends on the number of rows and on the processor: in float64 that is worth
#: at most eps (2e-16) x terms of a logit (below 1,000) x their size (below 50)
ROUNDING = 1e-11
#: AUC of a model that has found what is planted
_FOUND = 0.87


def check_ranking_model(name: str, fields: Mapping[str, Any] | None = None) -> None:
    """Check a registered ranking model: logits, gradients, training, saved files, configuration.

    Parameters
    ----------
    fields
        Those with which it is small, and learns in a few epochs what is planted.

    Raises
    ------
    AssertionError
        It does not do what every ranking model must; the message says what.
    """
    checks = RankingChecks(name, fields)
    with limited_threads(1), TemporaryDirectory() as folder:
        checks.configuration()
        for tasks in (1, 3):
            checks.logits_have_a_column_a_task(tasks)
        checks.gradients_reach_every_parameter()
        checks.a_row_does_not_depend_on_the_others()
        checks.padding_changes_nothing()
        checks.a_planted_effect_is_found()
        checks.same_seed_same_predictions()
        checks.saved_and_loaded_it_predicts_the_same(Path(folder, "saved"))
        checks.foreign_weights_are_refused(Path(folder, "weights"))
        checks.a_foreign_header_is_refused(Path(folder, "header"))
        checks.a_resumed_fit_predicts_the_same(Path(folder, "resumed"))
        checks.labels_of_predicted_rows_are_not_looked_at()


class _CutOffError(Exception):
    """Ends a fit early."""


class RankingChecks:
    """The checks of one model, each by itself; it is trained once for most of them."""

    def __init__(self, name: str, fields: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.cls = model_info(name).cls
        known = self.cls.Config.model_fields
        small = {field: value for field, value in SMALL.items() if field in known}
        self.fields = {**FAST, **small, **(fields or {})}

    @cached_property
    def parts(self) -> Split:
        """Ratings of which half of the items are liked by everybody."""
        return split(dataset(interaction=False))

    @cached_property
    def trained(self) -> Ranker:
        """A model that no check changes."""
        return self.fit()

    @cached_property
    def predicted(self) -> Any:
        """What it predicts of the test rows."""
        return self.trained.predict(self.parts.test, self.parts.known)

    def unfitted(self, runtime: Runtime | None = None, **fields: Any) -> Ranker:
        """Make a ranker of the model."""
        config = self.cls.Config.model_validate({**self.fields, **fields})
        features = schema(self.parts.dataset, histories=self.cls.needs_histories)
        return Ranker(self.name, config, features, runtime)

    def fit(self, runtime: Runtime | None = None, **fields: Any) -> Ranker:
        """Train it."""
        return self.unfitted(runtime, **fields).fit(self.parts)

    def build(self, tasks: int = 1) -> RankingModel:
        """Make the network, with weights that all matter."""
        torch.manual_seed(0)
        model: RankingModel = self.cls(self.cls.Config(), LAYOUT, tasks)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        return model

    def configuration(self) -> None:
        """Fields are described, have defaults, and survive being stored."""
        check_fields(self.cls.Config, f"model {self.name}")

    def logits_have_a_column_a_task(self, tasks: int) -> None:
        """Shape (rows, tasks)."""
        shape = tuple(self.build(tasks)(batch()).shape)
        hold(shape == (3, tasks), f"logits of 3 rows and {tasks} tasks have the shape {shape}")

    def gradients_reach_every_parameter(self) -> None:
        """None of them is left as it was."""
        model = self.build().train()
        some = batch()
        for _ in range(8):  # dropout may hide a unit once
            loss = F.binary_cross_entropy_with_logits(model(some), some.labels)
            loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            reached = parameter.grad is not None and parameter.grad.abs().sum() > 0
            hold(reached, f"no gradient reaches {name}")

    def a_row_does_not_depend_on_the_others(self) -> None:
        """Together, alone and in another order."""
        model, some = self.build().eval().double(), _in_float64(batch())
        together = model(some)
        alone = torch.cat([model(_pick(some, [row])) for row in range(3)])
        turned = model(_pick(some, [2, 0, 1, 0]))
        _close(together, alone, "a row's logit depends on the rows beside it")
        _close(together[[2, 0, 1, 0]], turned, "a row's logit depends on its place")

    def padding_changes_nothing(self) -> None:
        """Unused slots of features with several values."""
        model = self.build().eval().double()
        narrow, wide = (model(_in_float64(some)) for some in (batch(), wider(batch())))
        _close(narrow, wide, "unused slots change a logit")

    def a_planted_effect_is_found(self) -> None:
        """Half of the items are liked by 9 of 10 users; who is slow to learn has more epochs."""
        parts = self.parts
        found = self._auc(self.predicted)
        if found <= _FOUND:
            found = self._auc(self.fit(epochs=8).predict(parts.test, parts.known))
        hold(found > _FOUND, f"AUC {found:.3f}, not above .87; .9 is the most there is")

    def _auc(self, predicted: Any) -> float:
        labels = self.parts.test.relevant.astype(np.int8)
        return auc(labels, predicted[:, 0].astype(np.float64))

    def same_seed_same_predictions(self) -> None:
        """And another seed gives others."""
        parts = self.parts
        again, other = (
            self.fit(Runtime(seed=seed)).predict(parts.test, parts.known) for seed in (0, 1)
        )
        same(again, self.predicted, "two fits with one seed predict otherwise")
        hold(not np.array_equal(other, self.predicted), "another seed predicts the same")

    def saved_and_loaded_it_predicts_the_same(self, folder: Path) -> None:
        """Bit by bit."""
        self.trained.save(folder)
        found = Ranker.load(folder).predict(self.parts.test, self.parts.known)
        same(found, self.predicted, "predictions changed while the model was stored")

    def foreign_weights_are_refused(self, folder: Path) -> None:
        """Of other values, types and shapes, or missing."""
        self.trained.save(folder)
        whole = load_file(folder / WEIGHTS)
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
            save_file(kept, folder / WEIGHTS)
            with refused(rf"damaged: weights '{weight}'.*\n.*{AGAIN}", f"damaged weights {weight}"):
                Ranker.load(folder)

    def a_foreign_header_is_refused(self, folder: Path) -> None:
        """Another model, other fields, other features, no JSON."""
        self.trained.save(folder)
        header = json.loads((folder / HEADER).read_text())
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
            (folder / HEADER).write_text(json.dumps({**header, **change}))
            with refused("", f"a header with {next(iter(change))} changed"):
                Ranker.load(folder)
        (folder / HEADER).write_text("[" * 5000)
        with refused("damaged: nested too deeply", "a header that is nested too deeply"):
            Ranker.load(folder)

    def a_resumed_fit_predicts_the_same(self, folder: Path) -> None:
        """After it was interrupted in its first epoch."""
        folder.mkdir(exist_ok=True)
        runtime = Runtime(checkpoint=folder)
        try:
            self.unfitted(runtime).fit(self.parts, _cut_off)
        except _CutOffError:
            pass
        else:
            raise AssertionError("a fit reports no metric")
        resumed = self.fit(runtime)
        hold(resumed.curve == self.trained.curve, "a fit that was resumed has another curve")
        found = resumed.predict(self.parts.test, self.parts.known)
        same(found, self.predicted, "a fit that was resumed predicts otherwise")

    def labels_of_predicted_rows_are_not_looked_at(self) -> None:
        """Every row counts as relevant here, and nothing changes."""
        blind = Interactions(self.parts.dataset, self.parts.test.rows, None)
        found = self.trained.predict(blind, self.parts.known)
        same(found, self.predicted, "predictions depend on the labels that are to be predicted")


def _cut_off(event: Event) -> None:
    if event.metrics:
        raise _CutOffError


def _pick(some: Batch, rows: list[int]) -> Batch:
    return Batch(
        some.single[rows],
        some.weighted[rows],
        some.weights[rows],
        some.widths,
        some.labels[rows],
    )


def _in_float64(some: Batch) -> Batch:
    """Weigh in float64, in which a sum's order cannot be taken for an effect."""
    return replace(some, weights=some.weights.double(), labels=some.labels.double())


def _close(found: Tensor, expected: Tensor, message: str) -> None:
    torch.testing.assert_close(
        found, expected, rtol=0, atol=ROUNDING, msg=lambda details: f"{message}\n{details}"
    )
