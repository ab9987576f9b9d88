"""Skip-gram with negative sampling over sequences of numbers, by gensim."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import Field

from recsys_core.compute.rehearsal import rehearsal
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.events import Event, OnEvent

#: gensim cuts a sequence off after this many tokens
LONGEST = 10_000
#: the learning rate falls at least this often in a pass
STEPS_A_PASS = 20
#: tokens of a rehearsal
REHEARSED = 100_000


class SkipGramConfig(Config):
    """Fields of every model that learns vectors by skip-gram."""

    dim: int = Field(64, ge=1, le=4096, description="Embedding dimension.")
    window: int = Field(
        5,
        ge=1,
        le=1000,
        description="Maximum context distance; it is drawn anew for each token, so that nearer "
        "ones count more.",
    )
    negatives: int = Field(5, ge=1, le=1000, description="Negatives per context token.")
    noise_exponent: float = Field(
        0.0,
        ge=-2,
        le=2,
        description="Negatives are drawn by frequency to this power. 0: uniformly, so that dot "
        "products rank by probability and frequent items stay on top; 0.75: usual for words.",
    )
    learning_rate: float = Field(
        0.05, gt=0, le=1, description="Initial learning rate; it decays linearly to almost zero."
    )
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Training threads; with more than one, results differ from run to run.",
    )


class Corpus(Protocol):
    """Sequences of numbers; each iteration is one pass over them."""

    n_tokens: int
    """Numbers in a pass."""

    def __len__(self) -> int:
        """Count the sequences of a pass."""
        ...

    def __iter__(self) -> Iterator[list[int]]:
        """Go through the sequences of a pass."""
        ...


@dataclass(frozen=True)
class SkipGram:
    """What was learned: two vectors per token, zero for tokens that do not occur.

    Parameters
    ----------
    inputs
        Shape (n_tokens, dim): the vector v of a token that predicts its neighbours.
    outputs
        Shape (n_tokens, dim): the vector v' of a token that is predicted.
    """

    inputs: FloatArray
    outputs: FloatArray


def train_skip_gram(
    corpus: Corpus,
    counts: TimeArray,
    passes: int,
    config: SkipGramConfig,
    seed: int,
    after_pass: Callable[[SkipGram], dict[str, float]],
    on_event: OnEvent,
) -> list[dict[str, float]]:
    """Learn vectors of numbers that stand near each other.

    Numbers are their own hashes, so that nothing depends on Python's random ones. Every pair of
    neighbours (c, o) takes a step up, and every noise token n a step down, in

        log sigma(v_c . v'_o) + sum over noise of log sigma(-v_c . v'_n).

    Parameters
    ----------
    corpus
        The sequences.
    counts
        Shape (n,): how often each number occurs, for the noise; 0: it never does.
    passes
        Passes over the corpus.
    after_pass
        Takes the vectors after each pass and gives back metrics of validation.

    Returns
    -------
    The metrics of each pass.

    References
    ----------
    Mikolov et al.: Distributed representations of words and phrases and their compositionality.
    NeurIPS 2013.
    """
    from gensim.models import Word2Vec  # gensim takes seconds to import
    from gensim.models.callbacks import CallbackAny2Vec

    occurring = np.flatnonzero(counts)
    model = Word2Vec(
        sg=1,
        vector_size=config.dim,
        window=config.window,
        negative=config.negatives,
        ns_exponent=config.noise_exponent,
        alpha=config.learning_rate,
        sample=0,
        min_count=1,
        sorted_vocab=0,
        workers=config.workers,
        batch_words=max(1, min(10_000, corpus.n_tokens // (STEPS_A_PASS * config.workers))),
        seed=seed,
    )
    frequencies = zip(occurring.tolist(), counts[occurring].tolist(), strict=True)
    model.build_vocab_from_freq(dict(frequencies))

    curve: list[dict[str, float]] = []

    class AfterPass(CallbackAny2Vec):  # type: ignore[misc]
        def on_epoch_end(self, model: Word2Vec) -> None:
            tables = (model.wv.vectors, model.syn1neg)
            curve.append(after_pass(SkipGram(*(_spread(table, counts) for table in tables))))
            on_event(Event("fit", len(curve), passes, curve[-1], epoch=len(curve)))

    if (now := rehearsal()) is None:
        model.train(corpus, total_examples=len(corpus), epochs=passes, callbacks=[AfterPass()])
        return curve
    sequences = _first_of(corpus)
    before = now.clock()
    model.train(sequences, total_examples=len(sequences), epochs=1)
    middle = now.clock()
    now.leave_out(middle - before, passes * corpus.n_tokens / sum(map(len, sequences)) - 1)
    middle = now.clock()
    AfterPass().on_epoch_end(model)
    now.leave_out(now.clock() - middle, passes - 1)
    return curve


def _first_of(corpus: Corpus) -> list[list[int]]:
    """Take as many sequences as a rehearsal needs."""
    found: list[list[int]] = []
    tokens = 0
    for sequence in corpus:
        found.append(sequence)
        tokens += len(sequence)
        if tokens >= REHEARSED:
            break
    return found


def _spread(table: FloatArray, counts: TimeArray) -> FloatArray:
    """Give each number its row of `table`, which has one for each that occurs; zeros to others."""
    spread = np.zeros((len(counts), table.shape[1]), dtype=np.float32)
    spread[counts > 0] = table
    return spread


class Sequences:
    """A corpus of fixed sequences.

    Parameters
    ----------
    offsets
        Shape (n + 1,): sequence r is tokens[offsets[r]:offsets[r + 1]]; empty ones are left out,
        those longer than gensim takes are cut in pieces.
    tokens
        Shape (offsets[-1],).
    """

    def __init__(self, offsets: TimeArray, tokens: IntArray) -> None:
        self.tokens = tokens
        self.pieces = [
            slice(start, min(start + LONGEST, end))
            for first, end in itertools.pairwise(offsets.tolist())
            for start in range(first, end, LONGEST)
        ]
        self.n_tokens = len(tokens)

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[list[int]]:
        for piece in self.pieces:
            yield self.tokens[piece].tolist()
