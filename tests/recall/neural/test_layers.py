"""Layers of the neural recall models against slow literal code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recsys_core.data.dataset import Categorical
from recsys_core.features.known import Known
from recsys_core.features.layout import EmbeddingLayout, Table
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.recall.dssm import DSSMConfig, Towers
from recsys_core.recall.hstu import Block as HSTUBlock
from recsys_core.recall.hstu import HSTUConfig, HSTUNetwork, Spans
from recsys_core.recall.neural.layers import Attributes, EventEmbedding, HistoryPooling, Inputs
from recsys_core.recall.neural.objective import Network
from recsys_core.recall.neural.sequences import RequestFields, Window
from recsys_core.recall.sasrec import Block, SASRecConfig, SwiGLU, Transformer
from recsys_core.recall.youtube_dnn import YouTubeDNNConfig, YouTubeNetwork
from tests.protocols.build import dataset, split

N_ITEMS, N_USERS, DIM = 12, 4, 8
DAY = 86_400
IDS = {"name": "item_id", "source": "item", "kind": "categorical"}
GENRES = {"name": "genres", "source": "item", "kind": "multi"}
JOB = {"name": "job", "source": "user", "kind": "categorical"}
HISTORY = {"name": "history", "source": "user-history", "kind": "sequence", "column": "all"}
MOMENT = {"name": "timestamp", "source": "interaction", "kind": "numeric"}
FAVOURITES = {
    "name": "favourites",
    "source": "user-history",
    "kind": "multi",
    "by": "genres",
}


def inputs(length: int, *event_fields: str, requests: bool = False) -> Inputs:
    """Four users, of whom 0 and 2 have one job and nothing is known of 3; items of three kinds."""
    rows = [(user, item, 5.0, item * DAY) for user in range(N_USERS) for item in range(N_ITEMS)]
    jobs = Categorical(np.array([0, 1, 0, -1], np.int32), np.array(["cook", "smith"]))
    data = replace(dataset(rows, genres=[["a"], ["b", "c"], []] * 4), user_columns={"job": jobs})
    histories = split(data, range(len(rows)), [], []).train.histories()
    known = Known.of_histories(data, histories, 4.0)
    sequence = {**HISTORY, "event_fields": event_fields}
    fields = [IDS, GENRES, JOB, sequence, *([MOMENT, FAVOURITES] if requests else [])]
    schema = FeatureSchema.model_validate({"name": "test", "features": fields})
    encoder = TowerEncoder.fit(schema, known)
    edges = np.array([1, 3, 5], np.float32)
    users, items = encoder.users(data), encoder.items(data)
    return Inputs(N_ITEMS, edges, encoder, users, items, 2 * requests, length)


def window(items: list[list[int]], queries: int = 1, *, requests: bool = False) -> Window:
    """An event per day; with `requests` each has the number of events, and a favourite genre."""
    numbers = torch.tensor(items)
    ratings = (numbers % 4 + 1) * (numbers > 0)
    counts = (numbers > 0).cumsum(dim=1)
    times = DAY * counts * (numbers > 0)  # an event per day
    users, ages = torch.arange(len(items)), torch.zeros(len(items), 1)
    count = counts[:, -queries:, None]
    # rows of `layout`: job 1 to 3, favourites 4 to 7, timestamp 8
    index = torch.cat([4 + numbers[:, -queries:, None] % 4, torch.full_like(count, 8)], dim=2)
    weights = torch.cat([torch.ones_like(count), count], dim=2).float()
    fields = RequestFields(index, weights, (1, 1))
    if not requests:
        fields = RequestFields(index[..., :0], weights[..., :0], ())
    pauses = DAY * (counts > 1) * (numbers > 0)
    return Window(numbers, ratings, users, ages, times, pauses, times, fields)


NETWORKS = [
    *("youtube-dnn", "youtube-dnn, times", "dssm", "dssm, times"),
    *("sasrec", "sasrec, times", "sasrec, gated", "hstu", "hstu, times"),
]
#: blocks as LiGR and eSASRec have them
GATED = {"gated": True, "feed_forward": "swiglu"}


def network(name: str) -> Network:
    torch.manual_seed(0)
    built: Network
    fields = ["rating", "interval", "recency"] if "times" in name else ["rating"]
    with_requests = "times" in name
    if name.startswith("youtube-dnn"):
        config = YouTubeDNNConfig(dim=DIM, hidden=(16,))
        built = YouTubeNetwork(inputs(4, *fields, requests=with_requests), config)
    elif name.startswith("dssm"):
        tower = DSSMConfig(dim=DIM, user_hidden=(16,))
        built = Towers(inputs(4, *fields, requests=with_requests), tower)
    elif name.startswith("hstu"):
        built = HSTUNetwork(inputs(6, *fields[:2], requests=with_requests), HSTUConfig(dim=DIM))
    else:
        gates = GATED if "gated" in name else {}
        config_ = SASRecConfig.model_validate({"dim": DIM, **gates})
        built = Transformer(inputs(6, *fields[:2], requests=with_requests), config_)
    for parameter in built.parameters():  # zeros at the start would hide mistakes
        nn.init.normal_(parameter, std=0.5)
    return built.eval()


def seen(name: str, items: list[list[int]], queries: int = 1) -> Window:
    """The window that a network of `NETWORKS` reads."""
    return window(items, queries, requests="times" in name)


def test_attributes_worked_by_hand() -> None:
    # two entries with a field of one value and a field of two values that share a weight of 1
    table = Table(
        np.array([[1], [2]], np.int32),
        np.array([[4, 5], [3, 0]], np.int32),
        np.array([[0.5, 0.5], [1, 0]], np.float32),
        (2,),
    )
    layout = EmbeddingLayout(("one", "two"), (None, None), (1, 3), (1, 3), 6)
    layer = Attributes(table, layout, DIM)
    rows = layer.embedding
    assert rows[[0, 1, 3]].abs().sum() == 0  # padding and what is unknown say nothing at first
    wanted = torch.stack([rows[1] + (rows[4] + rows[5]) / 2, rows[2] + rows[3]])
    torch.testing.assert_close(layer(torch.tensor([0, 1])), wanted)
    torch.testing.assert_close(layer.all(), wanted)
    nothing = np.zeros((2, 0), np.int32)
    none = Table(nothing, nothing, nothing.astype(np.float32), ())
    assert (
        Attributes(none, EmbeddingLayout((), (), (), (), 1), DIM).all().tolist() == [[0] * DIM] * 2
    )


def test_request_fields_worked_by_hand() -> None:
    net = network("youtube-dnn, times")
    assert isinstance(net, YouTubeNetwork)
    assert net.fields.embedding.shape == (9, DIM)  # see `window`
    requests = window([[1, 2, 3]], 2, requests=True).requests
    found = net.fields.request_fields(requests)
    rows = net.fields.embedding
    assert found.shape == (1, 2, 2, DIM)
    torch.testing.assert_close(net.fields.train().request_fields(requests), found)
    torch.testing.assert_close(found[0, 0], torch.stack([rows[4 + 2], 2 * rows[8]]))
    torch.testing.assert_close(found[0, 1], torch.stack([rows[4 + 3], 3 * rows[8]]))


def test_fields_of_requests_start_from_zero() -> None:
    config = YouTubeDNNConfig(dim=DIM)
    net = YouTubeNetwork(inputs(4, "interval", "recency", requests=True), config)
    assert net.fields.embedding[[0, 1, *range(4, 9)]].abs().sum() == 0
    assert net.fields.embedding[2:4].abs().min() > 0
    assert net.events.rating is None  # nobody asked for it
    for times in (net.events.pauses, net.pool.recency):
        assert times is not None
        assert times.table.abs().sum() == 0


def test_events_are_id_attributes_and_rating() -> None:
    layer = EventEmbedding(inputs(4, "rating"), DIM)
    assert layer.item is not None
    assert layer.rating is not None
    found = layer(replace(window([[0, 2]]), ratings=torch.tensor([[0, 3]])))
    attributes = layer.attributes(torch.tensor([1]))[0]
    torch.testing.assert_close(found[0, 1], layer.item[1] + attributes + layer.rating[3])
    assert found[0, 0].tolist() == [0] * DIM
    # asked for so few, it computes just those; in training, all items once
    few = layer.eval()(replace(window([[0, 2]]), ratings=torch.tensor([[0, 3]])))
    torch.testing.assert_close(few, found, rtol=0, atol=0)


def test_pooling_agrees_with_literal_code() -> None:
    torch.manual_seed(1)
    pool = HistoryPooling(DIM, heads=2, length=3)
    nn.init.normal_(pool.position)
    events = torch.randn(2, 6, DIM)
    events[1, :4] = 0
    shown = window([[1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 5, 6]], 2)
    known = shown.items > 0
    found = pool(events, shown, queries=2)
    # a request reads no more events than there is room for
    last = window([[4, 5, 6], [0, 5, 6]], 1)
    torch.testing.assert_close(pool(events[:, 3:], last, queries=1)[:, 0], found[:, 1])
    for row in range(2):
        for query in range(2):
            latest = 4 + query
            columns = [c for c in range(latest - 2, latest + 1) if known[row, c]]
            for head in range(2):
                scores = [
                    pool.content.weight[head] @ events[row, c] + pool.position[latest - c, head]
                    for c in columns
                ]
                weights = torch.softmax(torch.stack(scores), dim=0)
                wanted = sum(
                    (w * events[row, c] for w, c in zip(weights, columns, strict=True)),
                    torch.zeros(DIM),
                )
                part = found[row, query, head * DIM : (head + 1) * DIM]
                torch.testing.assert_close(part, wanted, rtol=1e-5, atol=1e-6)


def literal_block(block: Block, x: Tensor, known: list[bool]) -> Tensor:
    """One sequence, position by position, head by head."""
    dim = x.shape[1]
    size = dim // block.heads
    query, key, value = block.projection(block.before_attention(x)).split(dim, dim=1)
    rows = []
    for i in range(len(x)):
        visible = [j for j in range(i + 1) if known[j] or j == i]
        parts = []
        for head in range(block.heads):
            part = slice(head * size, (head + 1) * size)
            scores = torch.stack([query[i, part] @ key[j, part] for j in visible]) / size**0.5
            weights = torch.softmax(scores, dim=0)
            parts.append(weights @ value[visible][:, part])
        rows.append(torch.cat(parts))
    attended = block.output(torch.stack(rows))
    if block.gates is None:
        x = x + attended
        after: Tensor = x + block.layers(block.before_layers(x))
        return after
    first, second = block.gates
    x = x + attended / (1 + torch.exp(-first(x)))
    inner, layers = block.before_layers(x), block.layers
    assert isinstance(layers, SwiGLU)
    a, b = layers.inner(inner).chunk(2, dim=1)
    fed: Tensor = layers.output(a / (1 + torch.exp(-a)) * b)
    return x + fed / (1 + torch.exp(-second(x)))


@pytest.mark.parametrize("gates", [{}, GATED])
def test_a_block_agrees_with_literal_code(gates: dict[str, Any]) -> None:
    torch.manual_seed(2)
    block = Block(SASRecConfig.model_validate({"dim": DIM, "heads": 2, **gates})).eval()
    x, known = torch.randn(1, 5, DIM), [False, True, True, False, True]
    order = torch.ones(5, 5, dtype=torch.bool).tril() & torch.tensor(known)
    seen = (order | torch.eye(5, dtype=torch.bool))[None, None]
    torch.testing.assert_close(
        block(x, seen)[0], literal_block(block, x[0], known), rtol=1e-4, atol=1e-5
    )


def test_a_block_of_hstu_agrees_with_literal_code() -> None:
    torch.manual_seed(3)
    block = HSTUBlock(HSTUConfig(dim=DIM, heads=2), length=6).eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    assert block.time is not None
    x, known = torch.randn(1, 4, DIM), [False, True, True, True]
    order = torch.ones(4, 4, dtype=torch.bool).tril() & torch.tensor(known)
    spans = torch.tensor([[[3, 0, 0, 0], [9, 4, 0, 0], [9, 5, 2, 0], [9, 8, 7, 6]]])
    found = block(x, order[None], spans)[0]
    u, v, query, key = (
        part / (1 + torch.exp(-part)) for part in block.projection(block.norm(x[0])).chunk(4, dim=1)
    )
    size = DIM // 2
    for i in range(1, 4):
        mixed = []
        for head in range(2):
            at = slice(head * size, (head + 1) * size)
            total = torch.zeros(size)
            for j in range(1, i + 1):
                bias = block.position[i - j] + block.time[spans[0, i, j]]
                score = query[i, at] @ key[j, at] + bias
                total += score / (1 + torch.exp(-score)) * v[j, at]
            mixed.append(total / i)  # as many events are seen
        wanted = x[0, i] + block.output(u[i] * block.mixed(torch.cat(mixed)))
        torch.testing.assert_close(found[i], wanted, rtol=1e-4, atol=1e-5)


def test_time_spans_of_hstu_by_hand() -> None:
    # floor(ln s / .301): ln 1 = 0, ln 2 = .693, ln 86,400 = 11.37 = 37.8 x .301
    seconds = torch.tensor([-5, 0, 1, 2, DAY, 10**9])
    assert Spans()(seconds).tolist() == [0, 0, 0, 2, 37, 68]


def test_logits_of_hstu_are_cosines() -> None:
    net = network("hstu")
    queries = net(seen("hstu", [[1, 2, 3]]), 1)
    torch.testing.assert_close(queries.norm(dim=2), torch.full((1, 1), 1 / 0.05))
    vectors = net.vectors(torch.arange(N_ITEMS))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(N_ITEMS))


def test_hstu_is_told_when_it_is_asked() -> None:
    net, shown = network("hstu"), seen("hstu", [[1, 2, 3]])
    later = replace(shown, asked=shown.asked + DAY * torch.tensor([[0, 0, 365]]))
    assert (net(shown, 1) - net(later, 1)).abs().max() > 0.01


def test_softmax_weights_of_youtube_dnn_learn_from_histories_and_attributes() -> None:
    net = network("youtube-dnn")
    assert isinstance(net, YouTubeNetwork)
    (found,) = net.vectors(torch.tensor([5]))
    assert net.events.item is not None
    # rows: padding, unknown, a, b, c; item 5 is of no genre, item 4 of b and c: see `inputs`
    genres = net.events.attributes.embedding
    torch.testing.assert_close(found, net.output[5] + net.events.item[5] + genres[1])
    (found,) = net.vectors(torch.tensor([4]))
    wanted = net.output[4] + net.events.item[4] + (genres[3] + genres[4]) / 2
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_future_is_never_seen(name: str) -> None:
    net = network(name)
    one, other = seen(name, [[1, 2, 3, 4, 5, 6]], 4), seen(name, [[1, 2, 3, 4, 9, 10]], 4)
    first, second = net(one, 4), net(other, 4)
    torch.testing.assert_close(first[:, :2], second[:, :2])  # after 3 and after 4
    assert (first[:, 2:] - second[:, 2:]).abs().min() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_never_changes_a_query(name: str) -> None:
    net = network(name)
    torch.testing.assert_close(
        net(seen(name, [[7, 8, 9]]), 1),
        net(seen(name, [[0, 0, 0, 7, 8, 9]]), 1),
        rtol=1e-5,
        atol=1e-6,
    )
    beside = net(seen(name, [[0, 0, 0, 7, 8, 9], [1, 2, 3, 4, 5, 6]]), 1)[:1]
    torch.testing.assert_close(net(seen(name, [[7, 8, 9]]), 1), beside, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_nobody_asking_is_no_error(name: str) -> None:
    some = seen(name, [[1, 2, 3]])
    parts = {name: part[:0] for name, part in vars(some).items() if name != "requests"}
    nobody = replace(some, requests=some.requests.take(torch.arange(0)), **parts)
    assert network(name)(nobody, 1).shape == (0, 1, DIM)


@pytest.mark.parametrize("name", ["youtube-dnn", "dssm", "dssm, times"])
def test_events_older_than_the_history_are_not_read(name: str) -> None:
    net = network(name)
    torch.testing.assert_close(
        net(seen(name, [[1, 2, 3, 4, 5, 6]]), 1), net(seen(name, [[9, 8, 3, 4, 5, 6]]), 1)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_order_ratings_and_attributes_matter(name: str) -> None:
    net = network(name)
    plain = seen(name, [[1, 2, 3]])
    query = net(plain, 1)
    others = [
        seen(name, [[2, 1, 3]]),
        replace(plain, ratings=torch.ones_like(plain.ratings)),
        replace(plain, users=plain.users + 1),  # another job
    ]
    for other in others:
        assert (net(other, 1) - query).abs().max() > 1e-3
    # users 0 and 2 have the same job; nothing is known of users 3 and 4
    for one, same in ((0, 2), (3, 4)):
        pair = [net(replace(plain, users=torch.tensor([user])), 1) for user in (one, same)]
        torch.testing.assert_close(*pair)
