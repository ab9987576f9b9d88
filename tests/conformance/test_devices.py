"""What a training step of every model that learns by gradient descent must do on a GPU.

There need not be one. The device ``meta`` stands in for it: it has shapes and types, and no values,
so that whoever looks at a value while the device computes (and would wait for a GPU) fails, as does
whoever leaves a tensor on the host.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from recsys_core.compute.runtime import Runtime
from recsys_core.ranking import ranker
from recsys_core.recall import lightgcn
from recsys_core.recall.factorisation import model as factorisation
from recsys_core.recall.neural import sequential
from recsys_core.registry import model_info, model_names
from recsys_core.testing.planted import fit, planted
from recsys_core.testing.ranking import RankingChecks
from recsys_core.training.config import TrainingConfig
from recsys_core.two_stage import list_ranker
from tests.two_stage import build

META = torch.device("meta")
SMALL: dict[str, Any] = {"batch_size": 32, "dim": 8, "epochs": 1}
DRAWN: dict[str, Any] = {"sampler": "mixed", "negatives": 6, "logq": True, "exclude_seen": True}
LEARNING = [
    name for name in model_names() if issubclass(model_info(name).cls.Config, TrainingConfig)
]
RANKING = [name for name in LEARNING if model_info(name).stage == "ranking"]
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {"batch_size": 1680} if name in RANKING else SMALL) for name in LEARNING),
    *(("mf", {**SMALL, "loss": loss, "l2": 0.1}) for loss in ("bpr", "bce", "mse")),
    *((name, {**SMALL, **DRAWN}) for name in ("mf", "youtube-dnn")),
    *(
        ("two-stage", {"model": model, "loss": loss})
        for model, loss in (("mlp", "listwise"), ("lr", "listwise"), ("lr", "pointwise"))
    ),
]
of_every_model = pytest.mark.parametrize(
    ("name", "fields"), CASES, ids=[" ".join(map(str, [n, *f.values()])) for n, f in CASES]
)


liked = cache(planted)
rated = cache(lambda: RankingChecks("lr").parts)


class _ReachedError(Exception):
    """The first steps are done."""


def train_at_first(
    monkeypatch: pytest.MonkeyPatch, name: str, fields: Mapping[str, Any], step: Callable[..., None]
) -> None:
    """Fit a model until it is trained, and take `step(module, objective, config)` instead."""

    def train(module: Any, objective: Any, config: TrainingConfig, *_: Any, **__: Any) -> None:
        step(module.train(), objective, config)
        raise _ReachedError

    for each in (ranker, sequential, factorisation, list_ranker):
        monkeypatch.setattr(each, "train", train)
    with pytest.raises(_ReachedError):
        learn(name, fields)


def learn(name: str, fields: Mapping[str, Any]) -> None:
    """Fit a model on what is planted."""
    if name == "two-stage":
        build.fit(build.planted(), ranker=fields)
    elif name in RANKING:
        checks = RankingChecks(name, fields)
        checks.parts = rated()
        checks.fit()
    else:
        rows, valid = liked()
        fit(name, rows, valid=valid, **fields)


class _NoWaiting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails where something is copied to the device in such a way that the host waits."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        copied = func is torch.ops.aten._to_copy.default and kwargs.get("device") == META
        if copied and args[0].device.type == "cpu":
            assert kwargs.get("non_blocking"), f"{args[0].shape} is copied and waited for"
        return func(*args, **kwargs)


@of_every_model
def test_a_step_waits_for_nothing(
    name: str, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "torch_device", lambda _: META)
    # torch would load its compiler, to keep it off the shapes of products: seconds for nothing
    compiler = SimpleNamespace(disable=lambda function, *_, **__: function)
    monkeypatch.setitem(sys.modules, "torch._dynamo", compiler)
    monkeypatch.setitem(vars(torch), "_dynamo", compiler)  # an attribute would be loaded to be kept
    # sparse products have no shapes without values
    monkeypatch.setattr(
        lightgcn, "_on_torch", lambda matrix, device: torch.empty(matrix.shape, device=device)
    )

    def step(module: torch.nn.Module, objective: Any, config: TrainingConfig) -> None:
        batches = objective.batches(torch.randperm(objective.size), config.batch_size)
        for batch, _ in zip(batches, range(2), strict=False):
            with _NoWaiting():  # type: ignore[no-untyped-call]
                loss = objective.loss(batch)
                loss.backward()
            assert loss.device == META
        assert any(each.grad is not None for each in module.parameters())

    train_at_first(monkeypatch, name, fields, step)


@of_every_model
def test_few_digits_change_a_loss_little(
    name: str, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 has 8 digits of 2: products of a step are off by 1/256, their sums by less."""

    def step(module: torch.nn.Module, objective: Any, config: TrainingConfig) -> None:
        order = torch.arange(objective.size)
        losses = []
        for autocast in (False, True):
            torch.manual_seed(0)
            batch = next(objective.batches(order, config.batch_size))
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                losses.append(objective.loss(batch))
        few = losses[1]
        few.backward()
        assert few.dtype == torch.float32
        assert few.item() == pytest.approx(losses[0].item(), rel=0.02)
        learned = [each.grad for each in module.parameters() if each.grad is not None]
        assert all(bool(gradient.isfinite().all()) for gradient in learned)

    train_at_first(monkeypatch, name, fields, step)
