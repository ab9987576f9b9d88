"""LightGCN: propagation against dense matrices, losses that learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.recall.lightgcn import LightGCN, LightGCNConfig, Propagated, normalised
from tests.recall.build import N_USERS, USERS, block_of, fit, planted

CPU = torch.device("cpu")


def random_likes(seed: int) -> sp.csr_matrix:
    dense = np.random.default_rng(seed).random((7, 5)) < 0.4
    dense[3], dense[:, 2] = False, False  # a user and an item without an edge
    return sp.csr_matrix(dense.astype(np.float32))


def test_normalisation_by_hand() -> None:
    likes = sp.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], dtype=np.float32))
    expected = [[1 / (2 * 1) ** 0.5, 1 / (2 * 2) ** 0.5, 0], [0, 1 / (1 * 2) ** 0.5, 0]]
    np.testing.assert_allclose(normalised(likes).toarray(), expected, rtol=1e-6)


@pytest.mark.parametrize("layers", [1, 3])
def test_propagation_is_that_of_the_dense_graph(layers: int) -> None:
    """The mean of the powers of the whole adjacency matrix, and its gradient."""
    torch.manual_seed(0)
    likes = random_likes(layers)
    config = LightGCNConfig(dim=4, layers=layers)
    module = Propagated(likes, config, CPU)
    dense = likes.toarray().astype(np.float64)
    adjacency = np.block([[np.zeros((7, 7)), dense], [dense.T, np.zeros((5, 5))]])
    degree = np.maximum(adjacency.sum(axis=1), 1)
    step = torch.from_numpy(adjacency / np.sqrt(degree[:, None] * degree))
    start = torch.cat([module.user, module.item]).detach().double().requires_grad_()
    layer, total = start, start
    for _ in range(layers):
        layer = step @ layer
        total = total + layer
    expected = total / (layers + 1)
    tables = module()
    found = torch.cat([tables.user, tables.item])
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    weights = torch.randn_like(found)
    of_users, of_items = torch.autograd.grad((found * weights).sum(), [module.user, module.item])
    (gradient,) = torch.autograd.grad((expected * weights).sum(), start)
    gradients = torch.cat([of_users, of_items]).double()
    torch.testing.assert_close(gradients, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "fields",
    [{"loss": "bpr", "l2": 1e-4, "batch_size": 512}, {"negatives": 20}, {"layers": 3}],
)
def test_every_loss_finds_the_planted_blocks(fields: dict[str, Any]) -> None:
    model = fit("lightgcn", planted()[0], dim=8, **{"batch_size": 64, **fields})
    assert isinstance(model, LightGCN)
    top = model.recommend(np.arange(N_USERS), 4)
    assert (block_of(top.items) == (np.arange(N_USERS) // USERS)[:, None]).mean() > 0.9
    assert not model.item_bias.any()


def test_it_has_no_other_losses() -> None:
    with pytest.raises(InputError, match="loss = 'mse'"):
        parse_config(LightGCNConfig, {"loss": "mse"}, "model lightgcn")
