"""Cross networks against their papers' equations, number by number."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.ranking.dcn import DCN, DCNConfig
from recsys_core.ranking.dcn_v2 import DCNV2, DCNV2Config
from recsys_core.ranking.modules.crossing import (
    CrossNetwork,
    CrossNetworkV2,
    LowRankCross,
    LowRankCrossNetwork,
)
from tests.ranking.build import LAYOUT, batch

Row = list[float]


def randomized(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


def dot(a: Row, b: Row) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def times(matrix: list[Row], x: Row) -> Row:
    return [dot(line, x) for line in matrix]


def literal_v1(network: CrossNetwork, x0: Row) -> Row:
    """x_{l+1} = x_0 (x_l . w_l) + b_l + x_l."""
    x = x0
    for weight, bias in zip(network.weights, network.biases, strict=True):
        product = dot(x, weight.tolist())
        x = [first * product + b + now for first, b, now in zip(x0, bias.tolist(), x, strict=True)]
    return x


def literal_v2(network: CrossNetworkV2, x0: Row) -> Row:
    """x_{l+1} = x_0 * (W_l x_l + b_l) + x_l."""
    x = x0
    for layer in network.layers:
        assert isinstance(layer, nn.Linear)
        inner = times(layer.weight.tolist(), x)
        x = [x0[i] * (inner[i] + b) + x[i] for i, b in enumerate(layer.bias.tolist())]
    return x


def literal_low_rank(layer: LowRankCross, x0: Row, x: Row) -> Row:
    """sum_i G_i(x_l) x_0 * (U_i tanh(C_i tanh(V_i^T x_l)) + b) + x_l, the experts written out."""
    experts = len(layer.down)
    if layer.gate is None:
        shares = [1.0]
    else:
        logits = times(layer.gate.weight.tolist(), x)
        powers = [math.exp(z + b) for z, b in zip(logits, layer.gate.bias.tolist(), strict=True)]
        shares = [power / sum(powers) for power in powers]
    result = list(x)
    for i in range(experts):
        v, c, u = layer.down[i].T.tolist(), layer.core[i].T.tolist(), layer.up[i].T.tolist()
        inner = [math.tanh(z) for z in times(c, [math.tanh(z) for z in times(v, x)])]
        expert = [z + b for z, b in zip(times(u, inner), layer.bias.tolist(), strict=True)]
        result = [now + shares[i] * x0[d] * expert[d] for d, now in enumerate(result)]
    return result


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(1))


def test_cross_network(inputs: Tensor) -> None:
    network = randomized(CrossNetwork(5, 3))
    assert isinstance(network, CrossNetwork)
    expected = [literal_v1(network, row) for row in inputs.tolist()]
    torch.testing.assert_close(network(inputs), torch.tensor(expected))


def test_cross_network_by_hand() -> None:
    """x_0 = (1, 2), w = (3, 1), b = (0, 1): x_1 = (1, 2) * 5 + (0, 1) + (1, 2) = (6, 13)."""
    network = CrossNetwork(2, 1)
    with torch.no_grad():
        network.weights[0].copy_(torch.tensor([3.0, 1.0]))
        network.biases[0].copy_(torch.tensor([0.0, 1.0]))
    assert network(torch.tensor([[1.0, 2.0]])).tolist() == [[6.0, 13.0]]


def test_cross_network_v2(inputs: Tensor) -> None:
    network = randomized(CrossNetworkV2(5, 2))
    assert isinstance(network, CrossNetworkV2)
    expected = [literal_v2(network, row) for row in inputs.tolist()]
    torch.testing.assert_close(network(inputs), torch.tensor(expected))


def test_gradients_of_cross_network_v2_against_differences(inputs: Tensor) -> None:
    network = randomized(CrossNetworkV2(5, 2)).double()
    weights = dict(network.named_parameters())

    def crossed(x: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(weights, values, strict=True))
        found: Tensor = torch.func.functional_call(network, named, (x,))
        return found

    everything = (inputs.double().requires_grad_(), *weights.values())
    assert torch.autograd.gradcheck(crossed, everything)


def test_a_layer_adds_one_degree() -> None:
    """Without biases, scaling x by t makes layer l a polynomial of degree l + 1 in t."""
    network = randomized(CrossNetworkV2(3, 2))
    assert isinstance(network, CrossNetworkV2)
    for layer in network.layers:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    x = torch.randn(1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    network.double()
    values = torch.cat([network(x * t) for t in range(5)])  # at 0, 1, 2, 3, 4
    fourth = values[4] - 4 * values[3] + 6 * values[2] - 4 * values[1] + values[0]
    third = values[3] - 3 * values[2] + 3 * values[1] - values[0]
    torch.testing.assert_close(fourth, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-10)
    assert third.abs().min() > 1e-3


@pytest.mark.parametrize("experts", [1, 3])
def test_low_rank_mixture(inputs: Tensor, experts: int) -> None:
    network = randomized(LowRankCrossNetwork(5, 2, rank=2, experts=experts))
    expected = []
    for row in inputs.tolist():
        x = row
        for layer in network.layers:  # type: ignore[union-attr]
            assert isinstance(layer, LowRankCross)
            x = literal_low_rank(layer, row, x)
        expected.append(x)
    torch.testing.assert_close(network(inputs), torch.tensor(expected))


def test_one_full_rank_expert_without_bends_is_the_full_matrix(inputs: Tensor) -> None:
    """For small V and C, tanh is the identity: U C V^T is W."""
    low, full = LowRankCross(5, 5, 1), CrossNetworkV2(5, 1)
    (matrix,) = full.layers
    assert isinstance(matrix, nn.Linear)
    tiny = 1e-3
    with torch.no_grad():
        low.down[0].copy_(torch.eye(5) * tiny)
        low.core[0].copy_(torch.eye(5))
        low.up[0].copy_(matrix.weight.T / tiny)
    torch.testing.assert_close(low(inputs, inputs), full(inputs), rtol=1e-3, atol=1e-3)


def test_dcn_is_its_equation() -> None:
    config = DCNConfig(embedding_size=2, hidden=(3,), cross_layers=2)
    model = randomized(DCN(config, LAYOUT, 2))
    assert isinstance(model, DCN)
    x0 = model.embedding(batch()).flatten(start_dim=1)
    cross = torch.tensor([literal_v1(model.cross, row) for row in x0.tolist()])
    both = torch.cat([cross, model.mlp(x0)], dim=1)
    torch.testing.assert_close(model(batch()), both @ model.output.weight.T + model.bias)


@pytest.mark.parametrize("structure", ["stacked", "parallel"])
def test_dcn_v2_is_its_equation(structure: str) -> None:
    config = DCNV2Config.model_validate(
        {"embedding_size": 2, "hidden": (3,), "structure": structure}
    )
    model = randomized(DCNV2(config, LAYOUT, 1))
    assert isinstance(model, DCNV2)
    assert isinstance(model.cross, CrossNetworkV2)
    x0 = model.embedding(batch()).flatten(start_dim=1)
    cross = torch.tensor([literal_v2(model.cross, row) for row in x0.tolist()])
    top = model.mlp(cross) if structure == "stacked" else torch.cat([cross, model.mlp(x0)], dim=1)
    torch.testing.assert_close(
        model(batch()), top @ model.output.weight.T + model.bias, rtol=1e-4, atol=1e-4
    )


def test_low_rank_is_a_field() -> None:
    fields = {"embedding_size": 2, "hidden": (3,), "low_rank": 2, "experts": 3}
    model = randomized(DCNV2(DCNV2Config.model_validate(fields), LAYOUT, 1))
    assert isinstance(model.cross, LowRankCrossNetwork)
    assert model(batch()).shape == (3, 1)


def test_cross_layers_with_batch_normalisation_and_relu() -> None:
    """x_0 * relu(BN(W x_l + b)) + x_l, by torch's normalisation, beside the MLP."""
    fields = {"embedding_size": 2, "hidden": (3,), "cross_activation": "relu", "batch_norm": True}
    model = randomized(DCNV2(DCNV2Config.model_validate(fields), LAYOUT, 1)).train()
    assert isinstance(model, DCNV2)
    model.embedding_dropout.dropped = model.mlp[-1].dropped = 0  # type: ignore[assignment]
    x = x0 = model.embedding(batch()).flatten(start_dim=1)
    for layer, bend in zip(model.cross.layers, model.cross.bends, strict=True):  # type: ignore[arg-type]
        normal = nn.BatchNorm1d(x0.shape[1])
        normal.load_state_dict({"weight": bend[0].weight, "bias": bend[0].bias}, strict=False)
        x = x0 * torch.relu(normal(layer(x))) + x
    both = torch.cat([x, model.mlp(x0)], dim=1)
    torch.testing.assert_close(model(batch()), both @ model.output.weight.T + model.bias)


def test_low_rank_crosses_have_no_activation() -> None:
    with pytest.raises(InputError, match="cross_activation relu is of full-rank cross layers"):
        parse_config(DCNV2Config, {"cross_activation": "relu", "low_rank": 2}, "model dcn-v2")
