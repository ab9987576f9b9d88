"""DIN's equations written out in Python, and planted tastes that attention alone can tell."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.data.dataset import Dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.rows import auc
from recsys_core.features.batch import Batch
from recsys_core.features.layout import History
from recsys_core.features.schema import FeatureSchema
from recsys_core.protocols.split import Split
from recsys_core.ranking.din import DIN, ActivationUnit, DINConfig
from recsys_core.ranking.modules.dice import Dice, DiceMLP
from recsys_core.ranking.modules.layers import Dropout
from recsys_core.ranking.modules.pairs import Pairs
from recsys_core.ranking.ranker import Ranker
from tests.ranking.build import LAYOUT, batch, split, wider

DIM = 3


def randomized(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def model(*, softmax: bool = False) -> DIN:
    config = DINConfig(embedding_size=DIM, attention_hidden=(4, 2), hidden=(5,), softmax=softmax)
    din = DIN(config, LAYOUT, 1)
    randomized(din)
    return din.eval()


def literal_dice(value: float, alpha: float, mean: float, variance: float) -> float:
    p = 1 / (1 + math.exp(-(value - mean) / math.sqrt(variance + 1e-8)))
    return p * value + (1 - p) * alpha * value


def literal_linear(layer: nn.Linear, inputs: list[float]) -> list[float]:
    bias = layer.bias.tolist() if layer.bias is not None else [0.0] * layer.out_features
    return [
        sum(w * x for w, x in zip(line, inputs, strict=True)) + b
        for line, b in zip(layer.weight.tolist(), bias, strict=True)
    ]


def literal_layers(layers: list[nn.Module], inputs: list[float]) -> list[float]:
    """Linear and Dice layers in eval mode: running mean 0 and variance 1."""
    for layer in layers:
        if isinstance(layer, nn.Linear):
            inputs = literal_linear(layer, inputs)
        elif isinstance(layer, Dice):
            alphas = layer.alpha.tolist()
            inputs = [literal_dice(x, a, 0.0, 1.0) for x, a in zip(inputs, alphas, strict=True)]
    return inputs


def literal_activation(unit: ActivationUnit, event: list[float], target: list[float]) -> float:
    """MLP([e_j; e_t; e_j - e_t; e_j * e_t])."""
    difference = [e - t for e, t in zip(event, target, strict=True)]
    product = [e * t for e, t in zip(event, target, strict=True)]
    inputs = [*event, *target, *difference, *product]
    return literal_layers([unit.first, *unit.rest, unit.output], inputs)[0]


def literal_logit(din: DIN, some: Batch, row: int) -> float:
    """The paper's equations for one row of `build.batch`, whose last two slots are a history."""
    table = din.embedding.table.tolist()
    fields = [table[index] for index in some.single[row].tolist()]
    index, weight = some.weighted[row].tolist(), some.weights[row].tolist()
    target = fields[1]
    fields += [
        [sum(weight[s] * table[index[s]][d] for s in slots if index[s]) for d in range(DIM)]
        for slots in (range(3), range(3, 4))
    ]
    used = [s for s in (4, 5) if index[s]]
    activation = {s: literal_activation(din.units[0], table[index[s]], target) for s in used}  # type: ignore[arg-type]
    if din.softmax:
        total = sum(math.exp(value) for value in activation.values())
        activation = {s: len(used) * math.exp(a) / total for s, a in activation.items()}
    interest = [
        sum(activation[s] * weight[s] * table[index[s]][d] for s in used) for d in range(DIM)
    ]
    agreement = [v * t for v, t in zip(interest, target, strict=True)]
    inputs = [x for field in (*fields, interest, agreement) for x in field]
    hidden = literal_layers(list(din.mlp), inputs)
    return literal_linear(din.output, hidden)[0] + din.bias.item()


@pytest.mark.parametrize("softmax", [False, True])
def test_the_equations_of_the_paper(softmax: bool) -> None:
    din, some = model(softmax=softmax), batch()
    expected = [[literal_logit(din, some, row)] for row in range(3)]
    torch.testing.assert_close(din(some), torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_dice_by_hand() -> None:
    """Values 1 and 3: mean 2, variance 1; alpha 1/2."""
    dice = Dice(1)
    nn.init.constant_(dice.alpha, 0.5)
    found = dice.train()(torch.tensor([[1.0], [3.0]])).flatten().tolist()
    low, high = 1 / (1 + math.e), 1 / (1 + 1 / math.e)  # sigmoid of -1 and of 1
    assert found == pytest.approx([low + (1 - low) / 2, 3 * high + (1 - high) * 3 / 2], rel=1e-4)
    # running estimates take a tenth of the batch's mean 2 and unbiased variance 2
    assert dice.mean.tolist() == pytest.approx([0.2])
    assert dice.variance.tolist() == pytest.approx([0.9 + 0.2])
    alone = dice.eval()(torch.tensor([[1.0]])).item()
    assert alone == pytest.approx(literal_dice(1.0, 0.5, 0.2, 1.1), rel=1e-5)


def test_the_gradient_of_dice() -> None:
    """Against differences: of inputs, through the batch's mean and variance, and of alpha."""
    dice = Dice(3).double().train()
    generator = torch.Generator().manual_seed(0)
    inputs, alpha = torch.randn(6, 3, generator=generator), torch.rand(3, generator=generator)

    def outputs(inputs: Tensor, alpha: Tensor) -> Tensor:
        return torch.func.functional_call(dice, {"alpha": alpha}, inputs)  # type: ignore[no-any-return]

    arguments = [value.double().requires_grad_() for value in (inputs, alpha)]
    assert torch.autograd.gradcheck(outputs, arguments)


def test_dice_trains_on_a_single_row() -> None:
    dice = Dice(2).train()
    assert torch.isfinite(dice(torch.tensor([[1.0, -1.0]]))).all()


def test_dice_with_alpha_one_is_the_identity() -> None:
    dice = Dice(4)
    nn.init.ones_(dice.alpha)
    inputs = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(dice(inputs), inputs)


def test_attention_starts_as_plain_pooling() -> None:
    torch.manual_seed(0)
    unit = ActivationUnit(8, (16,))
    small = 0.01 * torch.randn(20, 8)
    weights = unit(small, small[:1], Pairs(torch.ones(1, 20, dtype=torch.bool)))
    torch.testing.assert_close(weights, torch.ones(20), atol=0.35, rtol=0)


@pytest.mark.parametrize("softmax", [False, True])
def test_padding_reaches_no_unit_while_training(softmax: bool) -> None:
    """Batch statistics and gradients are those of the batch without padding, too."""
    outcomes = []
    for some in (batch(), wider(batch())):
        din = model(softmax=softmax).train()
        for layer in din.modules():
            if isinstance(layer, Dropout):
                layer.dropped = 0
        loss = F.binary_cross_entropy_with_logits(din(some), some.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in din.parameters()]
        outcomes.append((loss.detach(), [*din.buffers()], gradients))
    for one, other in zip(outcomes[0], outcomes[1], strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("softmax", [False, True])
def test_a_row_without_events_has_no_interest(softmax: bool) -> None:
    some = batch()
    assert some.weighted[2, 4:].tolist() == [0, 0]
    interest = model(softmax=softmax)._interests(some)[4]
    assert interest[2].tolist() == [0] * DIM
    assert (interest[:2] != 0).all()


def test_pairs_leave_padding_out() -> None:
    """Rows with two events, none, and one; their number times the softmax is shared out."""
    used = torch.tensor([[True, False, True], [False, False, False], [True, False, False]])
    pairs = Pairs(used)
    assert pairs.pick(torch.arange(9).view(3, 3)).tolist() == [0, 2, 6]
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    assert pairs.spread(values).tolist() == [[1, 2], [1, 2], [5, 6]]
    weights = torch.tensor([1.0, 2.0, 0.5], requires_grad=True)
    assert pairs.sum(values, weights).tolist() == [[7, 10], [0, 0], [2.5, 3]]
    shares = pairs.scaled_softmax(torch.tensor([0.0, math.log(3), 5.0]))
    torch.testing.assert_close(shares, torch.tensor([0.5, 1.5, 1.0]))  # 2 * 1/4, 2 * 3/4, 1 * 1
    doubles = [each.detach().double().requires_grad_() for each in (values, weights)]
    assert torch.autograd.gradcheck(pairs.spread, doubles[0])
    assert torch.autograd.gradcheck(pairs.sum, doubles)


def test_a_schema_without_histories_is_refused() -> None:
    for layout in (replace(LAYOUT, histories=()), replace(LAYOUT, histories=(History(4, None),))):
        with pytest.raises(
            InputError, match=r"din attends to histories.*\n.*share_embedding: item_id"
        ):
            DIN(DINConfig(), layout, 1)


def tastes(seed: int = 0) -> Dataset:
    """Users like random groups of items, several each: only their history can tell which.

    A user likes two of the four groups. The mean of a history blurs them; what matters is whether
    an item of the same group was liked.
    """
    rng = np.random.default_rng(seed)
    users, items, groups = 200, 32, 4
    user = np.repeat(np.arange(users), 24).astype(np.int32)
    item = np.concatenate([rng.permutation(items)[:24] for _ in range(users)]).astype(np.int32)
    likes = np.stack([rng.permutation(groups) < 2 for _ in range(users)])
    liked = likes[user, item % groups] ^ (rng.random(len(user)) < 0.05)
    order = np.argsort(np.tile(np.arange(24), users), kind="stable")  # round by round
    return Dataset(
        name="tastes",
        user=user[order],
        item=item[order],
        rating=np.where(liked, 5, 1).astype(np.float32)[order],
        timestamp=np.arange(len(user), dtype=np.int64),
        user_ids=np.array([str(number) for number in range(users)]),
        item_ids=np.array([str(number) for number in range(items)]),
        user_columns={},
        item_columns={},
    )


def test_histories_tell_what_ids_cannot() -> None:
    parts: Split = split(tastes())
    history = {
        "source": "user-history",
        "kind": "sequence",
        "share_embedding": "item_id",
        "max_len": 20,
    }
    features = [
        {"name": "item_id", "source": "item", "kind": "categorical"},
        {"name": "liked", **history},
        {"name": "disliked", **history},
    ]
    schema = FeatureSchema.model_validate({"name": "histories", "features": features})
    config = DINConfig(epochs=8, batch_size=256, learning_rate=0.01, embedding_l2=0.0, patience=4)
    din = Ranker("din", config, schema).fit(parts)
    scores = din.predict(parts.test, parts.known)[:, 0].astype(np.float64)
    found = auc(parts.test.relevant.astype(np.int8), scores)
    assert found > 0.8  # .95 is the most there is; without histories items are all alike


def test_dice_mlp_is_linear_dice_dropout() -> None:
    mlp = DiceMLP(3, (4, 2), 0.5)
    assert [type(layer).__name__ for layer in mlp] == ["Linear", "Dice", "Dropout"] * 2
    assert mlp.outputs == 2
    inputs: Tensor = torch.randn(5, 3)
    randomized(mlp).eval()
    expected = [literal_layers(list(mlp), row) for row in inputs.tolist()]
    torch.testing.assert_close(mlp(inputs), torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_dice_without_fused_kernels_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that lacks them learns the same, more slowly."""
    inputs = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = []
    for fused in (True, False):
        monkeypatch.setattr("recsys_core.ranking.modules.dice.FUSED", fused)
        dice = Dice(3).double().train()
        nn.init.constant_(dice.alpha, 0.3)
        some = inputs.clone().requires_grad_()
        outputs = dice(some)
        outputs.sin().sum().backward()
        found.append([outputs, some.grad, *(p.grad for p in dice.parameters()), *dice.buffers()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
