"""Skip-gram: what the products converge to, computed by hand; sequences and passes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys_core.compute.rehearsal import Rehearsal, rehearsing
from recsys_core.errors import InputError
from recsys_core.events import Event, ignore
from recsys_core.recall.embeddings import skipgram
from recsys_core.recall.embeddings.skipgram import (
    LONGEST,
    Sequences,
    SkipGram,
    SkipGramConfig,
    train_skip_gram,
)
from tests.recall.build import fit, history, planted


def sequences(*rows: list[int]) -> Sequences:
    made = history(*rows)
    return Sequences(made.offsets, made.items)


def train(corpus: Sequences, n: int, passes: int, **fields: object) -> SkipGram:
    kept: list[SkipGram] = []

    def keep(vectors: SkipGram) -> dict[str, float]:
        kept.append(vectors)
        return {}

    config = SkipGramConfig.model_validate({"dim": 8, "window": 1, **fields})
    counts = np.bincount(corpus.tokens, minlength=n)
    train_skip_gram(corpus, counts, passes, config, 0, keep, ignore)
    return kept[-1]


def test_products_converge_to_log_odds_worked_by_hand() -> None:
    # Token 0 is followed by 1 six times, by 2 twice. With one noise token for a pair, drawn from
    # three alike and skipped where it is the neighbour itself, per 8 pairs of token 0:
    # product with 1: 6 steps up, 2 * 1/3 down -> log(6 / (2/3)) = log 9
    # product with 2: 2 steps up, 6 * 1/3 down -> log(2 / 2)     = 0
    corpus = sequences(*[[0, 1], [0, 1], [0, 1], [0, 2]] * 100)
    vectors = train(corpus, 3, 60, negatives=1, learning_rate=0.1)
    products = vectors.outputs @ vectors.inputs[0]
    assert products[1] == pytest.approx(math.log(9), abs=0.25)
    assert products[2] == pytest.approx(0, abs=0.25)
    assert products[0] < -1  # never its own neighbour


def test_tokens_that_do_not_occur_have_no_vector() -> None:
    vectors = train(sequences([0, 3, 0, 3]), 5, 2)
    for table in (vectors.inputs, vectors.outputs):
        assert table.shape == (5, 8)
        assert np.flatnonzero(table.any(axis=1)).tolist() == [0, 3]


def test_sequences_are_cut_where_gensim_would_stop_reading() -> None:
    corpus = sequences([], [1, 2], list(range(LONGEST + 3)), [])
    pieces = list(corpus)
    assert [len(piece) for piece in pieces] == [2, LONGEST, 3]
    assert len(corpus) == 3
    assert pieces[2] == [LONGEST, LONGEST + 1, LONGEST + 2]
    assert corpus.n_tokens == LONGEST + 5


def test_each_pass_is_reported_with_its_validation() -> None:
    rows, valid = planted()
    events: list[Event] = []
    model = fit("word2vec", rows, valid=valid, on_event=events.append, epochs=4)
    steps = [(event.step, event.total) for event in events if "ndcg@10" in event.metrics]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert model.curve == [dict(event.metrics) for event in events]  # type: ignore[attr-defined]


def test_an_interrupted_fit_ends_at_once() -> None:
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit("word2vec", planted()[0], on_event=interrupt, epochs=10_000)


def test_what_is_learned_does_not_depend_on_hash_randomisation() -> None:
    program = (
        "from tests.recall.build import fit, planted\n"
        "model = fit('deepwalk-item', planted()[0], walks_per_node=1)\n"
        "print(model.nodes.tobytes().hex())\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = fit("deepwalk-item", planted()[0], walks_per_node=1)
    assert here.nodes.tobytes().hex() == elsewhere.strip()  # type: ignore[attr-defined]


def test_word2vec_asks_output_vectors_or_by_cosine() -> None:
    train_rows, _ = planted()
    stranger = history([0, 1, 2])
    for scoring in ("in-out", "cosine"):
        model = fit("word2vec", train_rows, scoring=scoring, history_half_life=1.0)
        vectors: SkipGram = model.vectors  # type: ignore[attr-defined]
        inputs, outputs = vectors.inputs, vectors.outputs
        if scoring == "cosine":
            with np.errstate(invalid="ignore"):
                inputs = inputs / np.linalg.norm(inputs, axis=1, keepdims=True)
            outputs = inputs
        # the last event counts 1, the one before 1/2, the first 1/4
        query = (inputs[2] + inputs[1] / 2 + inputs[0] / 4) / 1.75
        scores = model.score(np.array([-1]), stranger)[0]
        np.testing.assert_allclose(scores[:-1], (outputs @ query)[:-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "dim"), [("word2vec", 8), ("deepwalk-item", 4)])
def test_saved_vectors_of_another_dimension_are_refused(
    name: str, dim: int, tmp_path: Path
) -> None:
    model = fit(name, planted()[0], dim=dim)
    model.save(tmp_path)
    header = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(header.replace(f'"dim": {dim}', '"dim": 16'))
    with pytest.raises(
        InputError, match=r"has the shape \(\d+, 8\), \(\d+, (16|32)\) was expected"
    ):
        type(model).load(tmp_path)


def test_a_rehearsal_takes_some_sequences_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skipgram, "REHEARSED", 10)
    passes: list[SkipGram] = []

    def keep(vectors: SkipGram) -> dict[str, float]:
        passes.append(vectors)
        return {}

    corpus = sequences(*[[0, 1, 2], [2, 0, 1]] * 50)
    config = SkipGramConfig(dim=8, window=1)
    counts = np.bincount(corpus.tokens)
    with rehearsing(now := Rehearsal()):
        train_skip_gram(corpus, counts, 40, config, 0, keep, ignore)
    assert len(passes) == 1
    assert now.left_out.min() > 0  # 40 passes of 300 tokens but for 12 of them
