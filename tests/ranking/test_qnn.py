"""The quadratic layer and its loss, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.ranking.modules.layers import BatchNorm, Dropout
from recsys_core.ranking.qnn import QNN, QNNConfig, QuadraticLayer, logit_of_mean
from tests.ranking.build import LAYOUT, batch


def layer_of(heads: int) -> QuadraticLayer:
    """Two fields of two entries and two matrices: twice the identity, and a sum of all entries."""
    layer = QuadraticLayer(2, 2, heads=heads, rows=2, dropout=0.5).eval()
    linear, normal, *_ = layer.gates
    assert isinstance(normal, BatchNorm)
    with torch.no_grad():
        linear.weight.copy_(torch.cat([2 * torch.eye(4), torch.ones(4, 4)]))  # type: ignore[operator]
        normal.mean.fill_(1.0)
        normal.variance.fill_(4.0)
        normal.bias[4:] = -0.5
    return layer


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        # normalised: (2 x - 1) / 2, and (sum - 1) / 2 - 0.5 = 0.5 for each entry
        # after relu, over both matrices: (0.5, 2.5, 0, 0.5) + 0.5 = (1, 3, 0.5, 1)
        (1, [1 + 1 * 1, 3 + 3 * 3, -2 - 2 * 0.5, 1 + 1 * 1]),
        # the heads one after another: (1, -2), (3, 1)
        (2, [1 + 1 * 1, 3 - 2 * 3, -2 + 3 * 0.5, 1 + 1 * 1]),
    ],
)
def test_quadratic_layer(heads: int, expected: list[float]) -> None:
    found = layer_of(heads)(torch.tensor([[1.0, 3.0, -2.0, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([expected]), rtol=1e-4, atol=1e-4)


def test_it_is_its_equation() -> None:
    torch.manual_seed(0)
    fields: dict[str, Any] = {"embedding_size": 4, "layers": 2, "heads": 2, "rows": 3}
    model = QNN(QNNConfig(**fields), LAYOUT, 1).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = model.embedding(batch()).detach().flatten(start_dim=1).numpy()
    for layer in model.layers:
        if not isinstance(layer, QuadraticLayer):
            continue
        weights, normal = layer.gates[0].weight, layer.gates[1]
        assert isinstance(weights, Tensor)
        assert isinstance(normal, BatchNorm)
        total = np.zeros_like(x)
        for r in range(3):
            own = slice(r * x.shape[1], (r + 1) * x.shape[1])
            product = x @ weights[own].detach().numpy().T / np.sqrt(1 + 1e-5)
            product = product * normal.weight[own].detach().numpy()
            total += np.maximum(product + normal.bias[own].detach().numpy(), 0)
        first, second = (x.reshape(3, -1, 4)[:, :, half].reshape(3, -1) for half in HALVES)
        x = x + np.concatenate([first, second], axis=1) * total
    expected = x @ model.output.weight.detach().numpy().T + model.bias.item()
    torch.testing.assert_close(
        model(batch()).detach(), torch.from_numpy(expected), rtol=1e-4, atol=1e-4
    )


HALVES = slice(0, 2), slice(2, 4)


def test_self_ensemble() -> None:
    """By its equation on probabilities, and what is learned from does not move."""
    model = QNN(QNNConfig(embedding_size=4), LAYOUT, 1)
    one = torch.tensor([[0.5], [-2.0], [1.0]], requires_grad=True)
    other = torch.tensor([[1.5], [-1.0], [-3.0]], requires_grad=True)
    passes = iter([one, other])
    model._logits = lambda fields: next(passes)  # type: ignore[method-assign]
    some = batch()
    found = model.training_loss(some, F.binary_cross_entropy_with_logits)
    gradients = torch.autograd.grad(found, (one, other))

    p, q = torch.sigmoid(one), torch.sigmoid(other)
    mean = (p + q) / 2
    log_loss = F.binary_cross_entropy
    fixed = mean.detach()
    expected = log_loss(mean, some.labels) + log_loss(p, fixed) + log_loss(q, fixed)
    torch.testing.assert_close(found, expected)
    wanted = torch.autograd.grad(expected, (one, other))
    torch.testing.assert_close(gradients, wanted)


def test_two_passes_drop_other_units() -> None:
    model = QNN(QNNConfig(dropout=0.5), LAYOUT, 1).train()
    assert any(isinstance(layer, Dropout) for layer in model.layers)
    torch.nn.init.normal_(model.embedding.table)
    seen: list[Tensor] = []
    model.training_loss(batch(), lambda logits, labels: seen.append(logits) or logits.sum())  # type: ignore[func-returns-value]
    _, one, other = seen
    assert not torch.equal(one, other)


def test_the_mean_of_sure_predictions_has_finite_log_odds() -> None:
    sure = torch.tensor([200.0, 200.0, -200.0, 0.0])
    other = torch.tensor([-200.0, 200.0, -200.0, 0.0])
    assert logit_of_mean(sure, other).tolist() == pytest.approx([0.0, 200.0, -200.0, 0.0])


def test_heads_divide_the_embedding() -> None:
    with pytest.raises(InputError, match="embedding_size 10 is not a multiple of heads 4"):
        parse_config(QNNConfig, {"embedding_size": 10}, "model qnn")
