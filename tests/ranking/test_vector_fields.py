"""Fields of vectors are multiplied by; the result is that of looking up number by number."""

from __future__ import annotations

import numpy as np
import torch

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout, Table, VectorField
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights
from recsys_core.recall.neural.layers import Attributes

#: rows 1 to 3 of one value, 4 of missing vectors, 5 to 7 of their numbers, 8 and 9 of lists
LAYOUT = EmbeddingLayout(("id", "text", "tags"), (None, None, None), (1, 4, 8), (1, 4, 8), 10)
INDEX = [[2, 5, 6, 7, 9, 8], [3, 4, 0, 0, 9, 0], [1, 5, 6, 7, 8, 0]]
WEIGHTS = [[1, 0.5, -2, 3, 0.5, 0.5], [1, 1, 0, 0, 1, 0], [1, 4, 0, -1, 1, 0]]


def with_vectors() -> EmbeddingLayout:
    values = {**vars(LAYOUT), "vectors": (VectorField(field=1, offset=4, numbers=3),)}
    return EmbeddingLayout(**values)


def batch() -> Batch:
    index, weights = torch.tensor(INDEX, dtype=torch.int32), torch.tensor(WEIGHTS)
    return Batch(index[:, :1], index[:, 1:], weights[:, 1:], (3, 2), torch.zeros(3, 1))


def test_ranking_models_multiply_by_vectors() -> None:
    looked_up, multiplied = FieldEmbedding(LAYOUT, 4), FieldEmbedding(with_vectors(), 4)
    table = torch.randn(10, 4)
    for each in (looked_up, multiplied):
        each.table.data = table.clone()
    one, other = looked_up(batch()), multiplied(batch())
    torch.testing.assert_close(other, one)
    torch.testing.assert_close(one[0, 1], 0.5 * table[5] - 2 * table[6] + 3 * table[7])
    torch.testing.assert_close(one[1, 1], table[4])
    weighed = torch.randn(3, 3, 4)
    for fields in (one, other):
        (fields * weighed).sum().backward()
    assert looked_up.table.grad is not None
    torch.testing.assert_close(multiplied.table.grad, looked_up.table.grad)


def test_first_order_weights_multiply_by_vectors() -> None:
    looked_up, multiplied = FieldWeights(LAYOUT, 2), FieldWeights(with_vectors(), 2)
    multiplied.table.data = looked_up.table.data.normal_().clone()
    torch.testing.assert_close(multiplied(batch()), looked_up(batch()))
    for each in (looked_up, multiplied):
        each(batch()).sin().sum().backward()
    torch.testing.assert_close(multiplied.table.grad, looked_up.table.grad)


def test_towers_multiply_by_vectors() -> None:
    table = Table(
        single=np.array(INDEX, np.int32)[:, :1],
        weighted=np.array(INDEX, np.int32)[:, 1:],
        weights=np.array(WEIGHTS, np.float32)[:, 1:],
        widths=(3, 2),
    )
    looked_up, multiplied = Attributes(table, LAYOUT, 4), Attributes(table, with_vectors(), 4)
    multiplied.embedding.data = looked_up.embedding.data.normal_().clone()
    assert multiplied.index.shape == (3, 3)
    some = torch.tensor([2, 1, 1])
    torch.testing.assert_close(multiplied.all(), looked_up.all())
    torch.testing.assert_close(multiplied(some), looked_up(some))
    weighed = torch.randn(3, 4)
    for each in (looked_up, multiplied):
        (each(some) * weighed).sum().backward()
    torch.testing.assert_close(multiplied.embedding.grad, looked_up.embedding.grad)
