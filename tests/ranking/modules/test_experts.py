"""Experts and gates against their papers' equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.ranking.mmoe import MMoE, MMoEConfig
from recsys_core.ranking.modules.experts import CGC, Experts, Gate
from recsys_core.ranking.ple import PLE, PLEConfig
from tests.ranking.build import LAYOUT, batch


def randomized(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


def literal_gate(gate: Gate, x: list[float], experts: list[list[float]]) -> list[float]:
    """sum_i softmax(W x)_i E_i."""
    logits = [
        sum(w * v for w, v in zip(line, x, strict=True)) for line in gate.linear.weight.tolist()
    ]
    powers = [math.exp(z) for z in logits]
    shares = [power / sum(powers) for power in powers]
    assert len(shares) == len(experts)
    return [
        sum(share * expert[d] for share, expert in zip(shares, experts, strict=True))
        for d in range(len(experts[0]))
    ]


def literal_gates(gate: Gate, inputs: Tensor, experts: list[Tensor]) -> Tensor:
    rows = range(len(inputs))
    return torch.tensor(
        [literal_gate(gate, inputs[r].tolist(), [e[r].tolist() for e in experts]) for r in rows]
    )


def test_a_gate_mixes_experts_by_row() -> None:
    gate, inputs = randomized(Gate(4, 3)), torch.randn(5, 4)
    assert isinstance(gate, Gate)
    experts = torch.randn(5, 3, 2)
    expected = literal_gates(gate, inputs, list(experts.unbind(dim=1)))
    torch.testing.assert_close(gate(inputs, experts), expected)
    torch.testing.assert_close(gate.weights(inputs).sum(dim=1), torch.ones(5))


def test_experts_are_networks_of_their_own() -> None:
    experts = randomized(Experts(2, 3, (4, 2), dropout=0.5))
    assert isinstance(experts, Experts)
    inputs = torch.randn(5, 3)
    first, second = experts(inputs).unbind(dim=1)
    torch.testing.assert_close(first, experts.networks[0](inputs))
    torch.testing.assert_close(second, experts.networks[1](inputs))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("last", [False, True])
def test_customized_gate_control(last: bool) -> None:
    """Task 1 mixes its two experts and the shared one; the shared gate mixes all five."""
    layer = randomized(CGC(2, 3, (4,), own=2, shared=1, dropout=0.5, last=last))
    assert isinstance(layer, CGC)
    x = [torch.randn(6, 3) for _ in range(3)]  # task 1, task 2, shared
    own = [[network(x[k]) for network in layer.own[k].networks] for k in range(2)]  # type: ignore[union-attr]
    shared = [network(x[2]) for network in layer.shared.networks]
    expected = [
        literal_gates(layer.gates[k], x[k], [*own[k], *shared])  # type: ignore[arg-type]
        for k in range(2)
    ]
    if layer.shared_gate is not None:
        expected.append(literal_gates(layer.shared_gate, x[2], [*own[0], *own[1], *shared]))
    found = layer(x)
    assert len(found) == (2 if last else 3)
    for mixed, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(mixed, wanted)


def test_mmoe_is_its_equation() -> None:
    fields = {"embedding_size": 2, "experts": 3, "expert_hidden": (4,), "tower_hidden": (3,)}
    model = randomized(MMoE(MMoEConfig.model_validate(fields), LAYOUT, 2))
    assert isinstance(model, MMoE)
    x = model.embedding(batch()).flatten(start_dim=1)
    experts = [network(x) for network in model.experts.networks]
    columns = []
    for k, tower in enumerate(model.towers):
        mixed = literal_gates(model.gates[k], x, experts)  # type: ignore[arg-type]
        columns.append(tower(mixed) + model.bias[k])
    torch.testing.assert_close(model(batch()), torch.cat(columns, dim=1))


def test_ple_of_one_layer_is_customized_gate_control() -> None:
    fields = {"embedding_size": 2, "extraction_layers": 1, "expert_hidden": (4,)}
    model = randomized(PLE(PLEConfig.model_validate(fields), LAYOUT, 2))
    assert isinstance(model, PLE)
    x = model.embedding(batch()).flatten(start_dim=1)
    mixed = model.layers[0]([x, x, x])
    columns = [
        tower(m) + model.bias[k]
        for k, (tower, m) in enumerate(zip(model.towers, mixed, strict=True))
    ]
    torch.testing.assert_close(model(batch()), torch.cat(columns, dim=1))


def test_own_experts_learn_from_their_task_alone() -> None:
    fields = {"embedding_size": 2, "expert_hidden": (4,), "task_experts": 2}
    model = randomized(PLE(PLEConfig.model_validate(fields), LAYOUT, 2))
    assert isinstance(model, PLE)
    model(batch())[:, 0].sum().backward()
    last: CGC = model.layers[-1]  # type: ignore[assignment]
    first_task, second_task = (
        sum(p.grad.abs().sum().item() for p in experts.parameters() if p.grad is not None)
        for experts in last.own
    )
    assert first_task > 0
    assert second_task == 0


@pytest.mark.parametrize("model", [MMoE(MMoEConfig(), LAYOUT, 2), PLE(PLEConfig(), LAYOUT, 2)])
def test_gate_weights_are_shares(model: MMoE | PLE) -> None:
    weights = model.eval().gate_weights(batch())
    assert len(weights) == 2
    for of_task in weights:
        assert (of_task > 0).all()
        torch.testing.assert_close(of_task.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["love", "like"], "the first task must be like"),
        (["like", "like"], "a task occurs twice"),
        ([], "tasks"),
        (["like", "hate"], "tasks.1 = 'hate'"),
    ],
)
def test_tasks_are_checked(tasks: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(MMoEConfig, {"tasks": tasks}, "model mmoe")
