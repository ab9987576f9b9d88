"""Each layer against a slow literal implementation of its equation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.errors import InputError
from recsys_core.features.batch import Batch
from recsys_core.ranking.deepfm import DeepFM, DeepFMConfig
from recsys_core.ranking.lr import LR, LRConfig
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights, with_table_l2
from recsys_core.ranking.modules.layers import (
    MLP,
    BatchNorm,
    Dropout,
    FactorizationMachine,
    Output,
)
from recsys_core.registry import model_info
from tests.ranking.build import LAYOUT, batch, wider


def slots_of(some: Batch, row: int) -> list[list[tuple[int, float]]]:
    """Index and weight of every slot of a row, by field."""
    fields = [[(int(index), 1.0)] for index in some.single[row]]
    start = 0
    for width in some.widths:
        slots = range(start, start + width)
        fields.append([(int(some.weighted[row, s]), float(some.weights[row, s])) for s in slots])
        start += width
    return fields


def randomized(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def literal_embedding(table: Tensor, some: Batch, row: int) -> list[list[float]]:
    """e_f = sum_s w_s V[i_s], in Python floats."""
    fields = []
    for slots in slots_of(some, row):
        vector = [0.0] * table.shape[1]
        for index, weight in slots:
            if index != 0:
                for d in range(len(vector)):
                    vector[d] += weight * table[index, d].item()
        fields.append(vector)
    return fields


def literal_fm(fields: list[list[float]]) -> float:
    """sum_{i<j} <e_i, e_j>."""
    total = 0.0
    for i in range(len(fields)):
        for j in range(i + 1, len(fields)):
            total += sum(x * y for x, y in zip(fields[i], fields[j], strict=True))
    return total


def literal_linear(table: Tensor, some: Batch, row: int) -> float:
    """sum_s w_s W[i_s]."""
    slots = [slot for field in slots_of(some, row) for slot in field]
    return sum(weight * table[0, index].item() for index, weight in slots if index != 0)


def literal_mlp(mlp: MLP, inputs: list[float]) -> list[float]:
    """ReLU(W x + b), layer by layer."""
    for layer in mlp:
        if isinstance(layer, nn.Linear):
            weight, bias = layer.weight.tolist(), layer.bias.tolist()
            products = [
                sum(w * x for w, x in zip(line, inputs, strict=True)) + b
                for line, b in zip(weight, bias, strict=True)
            ]
            inputs = [max(0.0, product) for product in products]
    return inputs


@pytest.fixture
def some() -> Batch:
    return batch()


def test_embedding_pools_by_weight(some: Batch) -> None:
    layer = randomized(FieldEmbedding(LAYOUT, 5))
    expected = [literal_embedding(layer.table, some, row) for row in range(3)]  # type: ignore[arg-type]
    torch.testing.assert_close(layer(some), torch.tensor(expected))


def test_first_order_weights(some: Batch) -> None:
    layer = randomized(FieldWeights(LAYOUT, 1))
    expected = [[literal_linear(layer.table, some, row)] for row in range(3)]  # type: ignore[arg-type]
    torch.testing.assert_close(layer(some), torch.tensor(expected))


def test_factorization_machine_sums_all_pairs() -> None:
    fields = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(1))
    expected = [[literal_fm(row)] for row in fields.tolist()]
    torch.testing.assert_close(FactorizationMachine()(fields), torch.tensor(expected))
    # by hand: <(1, 2), (3, 4)> = 3 + 8
    assert FactorizationMachine()(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])).item() == 11


def test_mlp() -> None:
    mlp = MLP(4, (3, 2), dropout=0.5).eval()
    randomized(mlp)
    inputs = torch.randn(5, 4)
    expected = [literal_mlp(mlp, row) for row in inputs.tolist()]
    torch.testing.assert_close(mlp(inputs), torch.tensor(expected))
    assert mlp.outputs == 2


def test_a_hidden_layer_drops_units_and_their_gradients() -> None:
    """What is left is ReLU(W x + b) scaled up; the rest is 0, as is its gradient."""
    torch.manual_seed(0)
    mlp = MLP(4, (64,), dropout=0.25).train()
    linear = mlp[0]
    assert isinstance(linear, nn.Linear)
    nn.init.normal_(linear.bias)
    inputs = torch.randn(50, 4, requires_grad=True)
    outputs = mlp(inputs)
    outputs.sin().sum().backward()
    found = [inputs.grad, linear.weight.grad, linear.bias.grad]
    inputs.grad = linear.weight.grad = linear.bias.grad = None
    whole = torch.relu(linear(inputs)) / 0.75
    kept = outputs.detach() != 0
    assert kept.sum() / (whole > 0).sum() == pytest.approx(0.75, abs=0.04)  # of 1,600 units
    torch.testing.assert_close(outputs, whole * kept)
    (whole * kept).sin().sum().backward()
    for gradient, expected in zip(
        found, [inputs.grad, linear.weight.grad, linear.bias.grad], strict=True
    ):
        torch.testing.assert_close(gradient, expected)


def test_gradients_by_hand_against_differences(some: Batch) -> None:
    exact = replace(some, weights=some.weights.double())
    layer = randomized(FieldEmbedding(LAYOUT, 2)).double()
    assert isinstance(layer, FieldEmbedding)
    interest = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)

    def with_table(table: Tensor, call: Callable[[], Tensor]) -> Tensor:
        layer.table = table  # type: ignore[assignment]
        return call()

    table = layer.table.detach().requires_grad_()
    del layer.table
    indices = torch.tensor([3, 1, 3, 11], dtype=torch.int32)
    check = torch.autograd.gradcheck
    assert check(lambda t: with_table(t, lambda: layer(exact)), table)
    assert check(lambda t, v: with_table(t, lambda: layer(exact, {3: v})), (table, interest))
    assert check(lambda t: with_table(t, lambda: layer.vectors(indices)), table)
    fields = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    assert check(FactorizationMachine(), fields)
    assert check(MLP(8, (3, 2), 0.0).double(), fields.flatten(start_dim=1))


@pytest.mark.parametrize("tasks", [1, 2])
def test_output_weighs_what_networks_found_side_by_side(tasks: int) -> None:
    output = Output((3, 2), tasks).double()
    left = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    right = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    whole = torch.cat([left, right], dim=1) @ output.weight.T
    torch.testing.assert_close(output(left, right), whole)
    inputs = (left, right, output.weight)
    (output(left, right) ** 2).sum().backward()
    for tensor, gradient in zip(inputs, torch.autograd.grad((whole**2).sum(), inputs), strict=True):
        torch.testing.assert_close(tensor.grad, gradient)


def test_lr_is_its_equation(some: Batch) -> None:
    model = randomized(LR(LRConfig(), LAYOUT, 1))
    assert isinstance(model, LR)
    bias = model.bias.item()
    expected = [[bias + literal_linear(model.weights.table, some, row)] for row in range(3)]
    torch.testing.assert_close(model(some), torch.tensor(expected))


def test_deepfm_is_its_equation(some: Batch) -> None:
    config = DeepFMConfig(embedding_size=3, hidden=(4, 2), dropout=0.5)
    model = randomized(DeepFM(config, LAYOUT, 1)).eval()
    assert isinstance(model, DeepFM)
    expected = []
    for row in range(3):
        fields = literal_embedding(model.embedding.table, some, row)
        deep = literal_mlp(model.mlp, [value for field in fields for value in field])
        output = model.output.weight[0].tolist()
        expected.append(
            [
                model.bias.item()
                + literal_linear(model.linear.table, some, row)
                + literal_fm(fields)
                + sum(w * x for w, x in zip(output, deep, strict=True))
            ]
        )
    torch.testing.assert_close(model(some), torch.tensor(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [FieldEmbedding, FieldWeights])
def test_padding_changes_nothing_and_learns_nothing(
    some: Batch, layer: type[FieldEmbedding] | type[FieldWeights]
) -> None:
    module = randomized(layer(LAYOUT, 4))
    narrow, wide = module(some), module(wider(some))
    torch.testing.assert_close(narrow, wide, rtol=1e-6, atol=1e-6)  # a longer sum, other roundings
    wide.square().sum().backward()
    gradient = module.table.grad
    assert isinstance(gradient, Tensor)
    padding = gradient[0] if layer is FieldEmbedding else gradient[:, 0]
    assert padding.abs().max() == 0


def test_without_weighted_fields() -> None:
    some = Batch(
        torch.tensor([[2, 5]], dtype=torch.int32),
        torch.empty(1, 0, dtype=torch.int32),
        torch.empty(1, 0),
        (),
        torch.empty(1, 1),
    )
    embedding, weights = FieldEmbedding(LAYOUT, 2), FieldWeights(LAYOUT, 1)
    torch.testing.assert_close(embedding(some)[0], embedding.table[[2, 5]])
    assert weights(some).shape == (1, 1)


def test_unknown_rows_start_in_the_middle() -> None:
    table = FieldEmbedding(LAYOUT, 4, deviation=1.0).table
    assert table[[0, 1, 4, 7]].abs().max() == 0
    assert table[[2, 3, 5, 6, 8, 9, 10, 11]].abs().min() > 0


def test_a_smaller_embedding_has_zeros_in_the_rest(some: Batch) -> None:
    layer = FieldEmbedding(replace(LAYOUT, sizes=(None, 2, None, 1, None)), 4, deviation=1.0)
    fields = layer(some)
    assert (fields[:, 1, 2:] == 0).all()
    assert (fields[:, 3, 1:] == 0).all()
    assert (fields[0, 0] != 0).all()
    with pytest.raises(InputError, match=r"feature 'b': embedding_size = 9 is more than.* 4"):
        FieldEmbedding(replace(LAYOUT, sizes=(None, 9, None, None, None)), 4)


def test_dropout_keeps_the_mean_and_drops_the_share() -> None:
    torch.manual_seed(0)
    layer = Dropout(0.2)
    inputs = torch.ones(1000, 101, requires_grad=True)
    outputs = layer(inputs)
    dropped = 51 / 256  # 0.2 in whole bytes
    values = sorted(outputs.detach().unique().tolist())
    assert values == [0.0, pytest.approx(1 / (1 - dropped))]
    # 101,000 draws: the standard error of the share is .0013
    assert (outputs == 0).float().mean().item() == pytest.approx(dropped, abs=0.005)
    # neighbours are independent: they share a random word, not a byte
    zero = (outputs == 0).float()
    assert (zero[:, 1:] * zero[:, :-1]).mean().item() == pytest.approx(dropped**2, abs=0.004)
    outputs.sum().backward()
    torch.testing.assert_close(inputs.grad, outputs.detach())


@pytest.mark.parametrize(("rate", "dropped"), [(0.0, 0), (1e-9, 1), (0.5, 128), (0.9999, 255)])
def test_dropout_is_rounded_but_neither_to_nothing_nor_to_all(rate: float, dropped: int) -> None:
    layer, units = Dropout(rate).train(), torch.ones(64, 64)
    assert layer.dropped == dropped
    assert torch.isfinite(layer(units)).all()
    assert torch.isfinite(MLP(4, (3,), rate).train()(torch.ones(2, 4))).all()


def test_dropout_is_seeded_and_off_in_eval() -> None:
    layer, inputs = Dropout(0.5), torch.ones(7, 3)
    torch.manual_seed(1)
    first = layer(inputs)
    torch.manual_seed(1)
    assert torch.equal(first, layer(inputs))
    assert not torch.equal(first, layer(inputs))
    assert layer.eval()(inputs) is inputs
    assert Dropout(0.0)(inputs) is inputs
    assert repr(layer) == "Dropout(rate=0.500)"


@pytest.mark.parametrize("layer", [FieldEmbedding, FieldWeights])
def test_l2_is_the_gradient_of_a_penalty_on_what_is_looked_up(
    some: Batch, layer: type[FieldEmbedding] | type[FieldWeights]
) -> None:
    plain, penalized = layer(LAYOUT, 4), layer(LAYOUT, 4, 0.3)
    randomized(plain)
    penalized.load_state_dict(plain.state_dict())
    values = plain(some)
    looked_up = values  # an embedding is penalized pooled, a weight slot by slot
    if layer is FieldWeights:
        slots = plain.table[:, some.weighted] * some.weights
        looked_up = torch.cat([plain.table[:, some.single], slots], dim=2)
    loss = values.sin().sum() + 0.3 * looked_up.square().sum() / len(values)
    loss.backward()
    penalized(some).sin().sum().backward()
    torch.testing.assert_close(penalized.table.grad, plain.table.grad)
    torch.testing.assert_close(penalized(some), values)


def test_batch_normalisation_is_that_of_torch() -> None:
    inputs = torch.randn(9, 4) * 3 + 1
    ours, theirs = BatchNorm(4), nn.BatchNorm1d(4)
    for each in (ours, theirs):
        nn.init.constant_(each.weight, 2.0)
        nn.init.constant_(each.bias, -1.0)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        torch.testing.assert_close(ours(inputs), theirs(inputs))


def test_a_last_batch_of_one_row_is_normalised_by_what_was_seen_before() -> None:
    layer = BatchNorm(2).train()
    layer.mean.copy_(torch.tensor([1.0, 2.0]))
    layer.variance.copy_(torch.tensor([4.0, 9.0]))
    found = layer(torch.tensor([[3.0, -1.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, -1.0]]))
    assert layer.mean.tolist() == [1.0, 2.0]


def test_mlp_normalises_what_goes_into_a_relu() -> None:
    mlp = MLP(3, (4,), dropout=0.0, batch_norm=True).train()
    outputs = mlp(torch.randn(50, 3) + 5)
    assert [type(layer) for layer in mlp] == [nn.Linear, BatchNorm, nn.ReLU, Dropout]
    # without it, the four units would be nearly always on, or nearly always off
    assert ((outputs > 0).float().mean(dim=0) - 0.5).abs().max() < 0.3


@pytest.mark.parametrize("name", ["deep", "wide-deep", "deepfm", "dcn", "dcn-v2", "mmoe", "ple"])
def test_networks_take_batch_normalisation(name: str, some: Batch) -> None:
    cls = model_info(name).cls
    plain, normal = (cls(cls.Config(batch_norm=on), LAYOUT, 1) for on in (False, True))
    layers = [sum(isinstance(m, nn.ReLU) for m in model.modules()) for model in (plain, normal)]
    norms = [sum(isinstance(m, BatchNorm) for m in model.modules()) for model in (plain, normal)]
    assert layers[0] == layers[1] > 0
    assert norms == [0, layers[1]]
    normal.train()(some).sum().backward()


def test_a_penalty_on_whole_tables_reaches_rows_that_nobody_looks_up(some: Batch) -> None:
    """Its gradient is that of l2 / 2 * sum of squares, of first-order weights as of embeddings."""
    config = DeepFMConfig(embedding_size=3, hidden=(4,), embedding_l2=0.0)
    model = randomized(DeepFM(config, LAYOUT, 1)).eval()
    assert isinstance(model, DeepFM)
    tables = [model.linear.table, model.embedding.table]

    def loss() -> Tensor:
        return F.binary_cross_entropy_with_logits(model(some), some.labels)

    squares = sum((table.square().sum() for table in tables), torch.zeros(()))
    expected = torch.autograd.grad(loss() + 0.3 / 2 * squares, list(model.parameters()))
    penalized = with_table_l2(loss(), model, 0.3)
    torch.testing.assert_close(penalized, loss())
    penalized.backward()  # type: ignore[no-untyped-call]
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
