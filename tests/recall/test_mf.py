"""Matrix factorisation: its losses by hand, its configuration, its fold-in."""

from __future__ import annotations

from math import exp, log, log1p
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.recall.factorisation.model import FOLD_ALL, FOLD_RIDGE, fold_in
from recsys_core.recall.factorisation.objective import Factors, FactorsObjective
from recsys_core.recall.mf import MF, MFConfig
from tests.recall.build import N_USERS, USERS, block_of, fit, history, planted


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "bpr", "logq": True}, "logq corrects a softmax; it has no meaning with loss bpr"),
        ({"loss": "bce", "logq": True}, "logq corrects a softmax; it has no meaning with loss bce"),
        ({"loss": "mse", "similarity": "cosine"}, "loss mse predicts ratings"),
        ({"l2": 0.1}, "l2 is a penalty of bpr, bce and mse"),
        ({"loss": "warp"}, "loss = 'warp'"),
        ({"negatives": 0}, "negatives = 0"),
        ({"dimension": 8}, "unknown field of model mf 'dimension'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(MFConfig, fields, "model mf")


def objective(**fields: Any) -> FactorsObjective:
    """Two users, who like items 0, 1 and item 2 (rated 5, 3, 4), of 3; planted scores.

    <p_u, q_i> + b_i is 1, 2, 3 for user 0 and 2, 4, 6 for user 1, plus bias 0, 0, 1.
    """
    rows = history([0, 1], [2])
    rows.ratings[:] = [5, 3, 4]
    config = MFConfig(dim=1, similarity="dot", **fields)
    module = Factors(2, 3, config)
    with torch.no_grad():
        module.user.copy_(torch.tensor([[1.0], [2.0]]))
        module.item.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
        module.item_bias.copy_(torch.tensor([0.0, 0.0, 1.0]))
        module.user_bias.copy_(torch.tensor([0.5, 0.0]))
    return FactorsObjective(module, rows, np.array([1, 1, 1]), config, dict)


def loss_of(of: FactorsObjective, order: tuple[int, ...] | None = None) -> float:
    (batch,) = of.batches(torch.arange(of.size) if order is None else torch.tensor(order), 10)
    return of.loss(batch).item()


def test_batches_of_softmax_hold_users_with_all_their_items() -> None:
    of = objective()
    (batch,) = of.batches(torch.tensor([1, 0]), 10)
    assert batch.users.tolist() == [1, 0]
    assert batch.row.tolist() == [0, 1, 1]
    assert batch.items.tolist() == [2, 0, 1]
    assert [b.users.tolist() for b in of.batches(torch.tensor([0, 1]), 1)] == [[0], [1]]


def test_batches_of_other_losses_hold_rows() -> None:
    of = objective(loss="mse")
    first, second = of.batches(torch.tensor([2, 0, 1]), 2)
    assert [first.users.tolist(), first.row.tolist()] == [[1, 0], [0, 1]]
    assert [first.items.tolist(), first.ratings.tolist()] == [[2, 0], [4, 5]]
    assert [second.users.tolist(), second.items.tolist()] == [[0], [1]]


def test_softmax_over_the_catalogue_by_hand() -> None:
    first = log(exp(1) + exp(2) + exp(4))  # user 0: 1, 2, 3 + 1
    second = log(exp(2) + exp(4) + exp(7))
    expected = ((first - 1) + (first - 2) + (second - 7)) / 3
    assert loss_of(objective()) == pytest.approx(expected, rel=1e-6)
    assert loss_of(objective(), (1, 0)) == pytest.approx(expected, rel=1e-6)


def test_in_batch_softmax_with_logq_by_hand() -> None:
    # every item is liked once: q = 1/3 for each, and the whole batch is the whole catalogue
    plain, corrected = objective(sampler="in-batch"), objective(sampler="in-batch", logq=True)
    assert loss_of(plain) == pytest.approx(loss_of(objective()), rel=1e-6)
    assert loss_of(corrected) == pytest.approx(loss_of(objective()), rel=1e-6)


def test_bpr_and_bce_skip_negatives_that_the_user_likes() -> None:
    # in-batch negatives are drawn from items 0, 1, 2; only 2 is new to user 0, 0 and 1 to user 1
    torch.manual_seed(0)
    bpr = loss_of(objective(loss="bpr", sampler="in-batch", negatives=4000))
    pairs = [log1p(exp(4 - 1)), log1p(exp(4 - 2)), log1p(exp(2 - 7)), log1p(exp(4 - 7))]
    assert bpr == pytest.approx(sum(pairs) / 4, rel=0.05)  # each of the pairs as often
    bce = loss_of(objective(loss="bce", sampler="in-batch", negatives=4000))
    # user 0's two rows meet item 2 a third of the time; user 1's row item 0 and 1
    negative = (2 * log1p(exp(4)) + log1p(exp(2)) + log1p(exp(4))) / 4
    assert bce == pytest.approx(negative, rel=0.05)


def test_l2_is_of_the_vectors_a_row_looks_up() -> None:
    # squares: 1, 4 of the users; 1, 4, 9 of the items; user 1's row meets item 0 or 1
    plain = loss_of(objective(loss="mse"))
    expected = 0.1 * ((1 + 1 + 4) / 3 + (1 + 4 + 9) / 3)
    assert loss_of(objective(loss="mse", l2=0.1)) - plain == pytest.approx(expected, rel=1e-5)
    torch.manual_seed(0)
    plain = loss_of(objective(loss="bpr", negatives=6000))
    torch.manual_seed(0)
    both = loss_of(objective(loss="bpr", negatives=6000, l2=0.1))
    negatives = 0.1 * (1 + 4 + 9) / 3  # drawn evenly
    assert both - plain == pytest.approx(expected + negatives, rel=0.02)


def test_mse_adds_biases_to_the_mean_rating() -> None:
    # the mean is 4; predicted 4 + .5 + 1, 4 + .5 + 2, 4 + 0 + 7 for ratings 5, 3, 4
    expected = ((5.5 - 5) ** 2 + (6.5 - 3) ** 2 + (11 - 4) ** 2) / 3
    assert loss_of(objective(loss="mse")) == pytest.approx(expected, rel=1e-6)


def test_first_vectors_are_as_wide_as_asked() -> None:
    torch.manual_seed(0)
    module = Factors(400, 300, MFConfig(dim=16, init_std=0.02))
    spreads = [module.user.std().item(), module.item.std().item()]
    assert spreads == pytest.approx([0.02, 0.02], rel=0.05)


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "bpr", "negatives": 2, "batch_size": 2048},
        {"loss": "bce", "negatives": 2, "batch_size": 2048},
        {"negatives": 20},
        {"sampler": "in-batch", "logq": True},
        {"similarity": "dot"},
    ],
)
def test_every_loss_finds_the_planted_blocks(fields: dict[str, Any]) -> None:
    train, _ = planted()
    model = fit("mf", train, epochs=60, dim=4, learning_rate=0.05, **fields)
    top = model.recommend(np.arange(N_USERS), 4)
    assert (block_of(top.items) == (np.arange(N_USERS) // USERS)[:, None]).mean() > 0.9


def test_mse_learns_ratings_of_disliked_items_too() -> None:
    train, _ = planted()
    model = fit("mf", train, loss="mse", epochs=300, dim=8, learning_rate=0.02, batch_size=4096)
    assert isinstance(model, MF)
    assert model.curve[-1]["loss"] < 0.05 < model.curve[0]["loss"]  # ratings are 5 and 1
    scores = model.score(train.user, model.histories_of(train.user))
    own = scores[np.arange(len(train)), train.item]
    assert own[train.rating == 5].min() > own[train.rating == 1].max()


def test_validation_chooses_the_epoch() -> None:
    train, valid = planted()
    model = fit("mf", train, valid=valid, runtime=Runtime(seed=0), patience=3, epochs=400)
    assert isinstance(model, MF)
    curve = [epoch["ndcg@10"] for epoch in model.curve]
    best = int(np.argmax(curve))
    assert len(curve) == best + 1 + 3
    stopped_there = fit("mf", train, runtime=Runtime(seed=0), epochs=best + 1)
    assert isinstance(stopped_there, MF)
    np.testing.assert_array_equal(model.user_vectors, stopped_there.user_vectors)


def test_fold_in_minimises_its_loss() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 4)).astype(np.float32)
    liked = np.array([3, 8, 11])

    def loss(p: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        fit_ = ((1 - vectors[liked] @ p) ** 2).sum() + FOLD_ALL * ((vectors @ p) ** 2).sum()
        return float(fit_ + FOLD_RIDGE * (p**2).sum())

    gram = vectors.T @ vectors
    best = fold_in(vectors, liked, gram).astype(np.float64)
    around = [loss(best + step) for step in 0.01 * rng.normal(size=(50, 4))]
    assert loss(best) < min(around)
    assert (fold_in(vectors, np.array([], dtype=np.int64), gram) == 0).all()


def test_a_folded_in_user_gets_what_a_trained_one_with_the_same_history_gets() -> None:
    train, _ = planted()
    model = fit("mf", train)
    assert isinstance(model, MF)
    users = np.arange(0, N_USERS, 7)
    histories = model.histories_of(users)
    trained = model.recommend(users, 6, histories=histories).items
    folded = model.recommend(np.full(len(users), -1), 6, histories=histories).items
    np.testing.assert_array_equal(model._gram, model.item_vectors.T @ model.item_vectors)
    shared = [len(set(a) & set(b)) / 6 for a, b in zip(trained, folded, strict=True)]
    assert np.mean(shared) > 0.8
