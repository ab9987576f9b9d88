"""Scores of models from elsewhere, judged as those of this package are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from recsys_core.front.results import Result
from recsys_core.front.wording import python_words
from recsys_core.pipeline.external import ScoreJob, ScoreStage, check_split_file, find_split_file
from recsys_core.pipeline.run import check_ks
from recsys_core.protocols.split import Split


def score(
    scores: Any,
    split: Split,
    *,
    stage: ScoreStage = "recall",
    ks: Sequence[int] = (10, 20, 50),
    label: str = "",
) -> Result:
    """Judge the recommendations or predictions of any model on the test rows of a split.

    Parameters
    ----------
    scores
        A frame (pandas, or anything with `__arrow_c_stream__`) or the path of a file, with original
        ids: ``user``, ``item`` and ``score`` or ``rank`` for recommendations; ``user``, ``item``,
        ``score`` and perhaps ``time`` for predictions of the test rows. A ``split.json`` beside a
        file must be of this split.
    stage
        ``"recall"`` for recommendations, ``"ranking"`` for predictions.
    ks
        The cut-offs K of recommendations.
    label
        Name of the result; empty: the file's name, or ``external``.

    Returns
    -------
    The result, which can be compared with those of `evaluate` on the same split; `file_counts`
    says what was unknown, double or short.

    Raises
    ------
    InputError
        A column is missing, the scores do not fit the split, or a K is out of bounds.
    DataError
        A row without a user, an item or a number.

    Examples
    --------
    >>> from recsys_core import Dataset, evaluate, fit, score, split
    >>> parts = split(Dataset.load("sample"))
    >>> ours = evaluate(fit("popularity", parts), ks=[10])
    >>> score(ours.lists(), parts, ks=[10]).metrics["ndcg@10"] == ours.metrics["ndcg@10"]
    True
    """
    if not isinstance(split, Split):
        raise InputError(f"score: {type(split).__name__} instead of a split", "make one: split(…)")
    values: dict[str, Any] = {
        "dataset": split.dataset.name,
        "protocol": {"name": split.protocol, **split.parameters},
        "ks": tuple(ks) if isinstance(ks, Iterable) else ks,
        **({"label": label} if label else {}),
    }
    with python_words():
        if isinstance(scores, str | Path):
            path = Path(scores)
            described = find_split_file(path)
            job = ScoreJob.read(path, values, stage)
            if described is not None:
                check_split_file(described, split)
        else:
            from recsys_core.data.score_frame import read_score_frame

            job = ScoreJob.of(read_score_frame(scores), values, stage)
        check_ks(job.spec.ks, split)
        return Result(job.judge(split))
