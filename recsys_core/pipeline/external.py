"""Scores from elsewhere: a file of recommendations or predictions, judged as any run is.

>>> from recsys_core.pipeline.external import score
>>> result = score("lists.csv", "ml-100k", "leave-last-out")  # doctest: +SKIP
>>> result.metrics["ndcg@10"]  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recsys_core.config import parse_config
from recsys_core.data.parts import SPLIT_FILE
from recsys_core.data.score_file import Scores, read_scores
from recsys_core.errors import InputError, no_such_file, shorten
from recsys_core.evaluation.new_items import with_new_items
from recsys_core.evaluation.predictions import evaluate_predictions
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.pipeline.environment import (
    code_fingerprint,
    package_versions,
    peak_memory_mb,
    reset_peak_memory,
)
from recsys_core.pipeline.modules_behind import judging_modules
from recsys_core.pipeline.result import KEPT_ITEMS, Judged, Recommendations, RunResult
from recsys_core.pipeline.run import (
    check_ks,
    hash_of,
    job_environment,
    load_split,
    tell_problems,
)
from recsys_core.pipeline.score_lists import lists_of
from recsys_core.pipeline.score_rows import rows_of
from recsys_core.pipeline.spec import JobSpec, stage_of
from recsys_core.protocols.split import Split, require_one_window
from recsys_core.reading import is_file, read_json
from recsys_core.registry import EXTERNAL

#: what a file may hold: recommendations, or predictions of the test rows
ScoreStage = Literal["recall", "ranking"]


@dataclass(frozen=True)
class ScoreJob:
    """A file of scores that was read, and how it is to be judged."""

    spec: JobSpec
    scores: Scores

    @classmethod
    def read(cls, file: Path, values: Mapping[str, Any], stage: ScoreStage) -> ScoreJob:
        """Read a file.

        Parameters
        ----------
        values
            Fields of JobSpec: ``dataset``, ``protocol``, ``label``, ``ks``.

        Raises
        ------
        InputError
            A value is wrong, there is no such file, or it is no file of scores.
        """
        name = file.name.partition(".")[0]
        return cls.of(read_scores(file), {"label": name, **values}, stage, f"scores {file}")

    @classmethod
    def of(
        cls, scores: Scores, values: Mapping[str, Any], stage: ScoreStage, where: str = "scores"
    ) -> ScoreJob:
        """Take scores that were read; values and errors as for `read`."""
        params = {"file": scores.name, "content": scores.digest, "stage": stage}
        spec = {**values, "model": EXTERNAL, "params": params}
        return cls(parse_config(JobSpec, spec, where), scores)

    def load_split(
        self,
        described: Path | None,
        *,
        data_dir: Path,
        offline: bool = False,
        on_event: OnEvent = ignore,
    ) -> Split:
        """Load the split that the scores are judged by.

        Parameters
        ----------
        described
            The split.json that they were made with; None: there is none.

        Raises
        ------
        InputError
            They are of another split, or a K is larger than the catalogue.
        """
        split = load_split(self.spec, data_dir=data_dir, offline=offline, on_event=on_event)
        if described is not None:
            check_split_file(described, split)
        check_ks(self.spec.ks, split)
        return split

    def reuse_key(self, split: Split) -> str:
        """Hash of the label, by which it is found, and of all that decides the outcome."""
        content = {
            "label": self.spec.name,
            "content": self.scores.digest,
            "stage": stage_of(self.spec),
            "ks": self.spec.ks,
            "split": split.fingerprint,
            "code": code_fingerprint(None, judging_modules(self.spec)),
            "packages": package_versions(),
        }
        return hash_of(content)

    def judge(self, split: Split, on_event: OnEvent = ignore) -> RunResult:
        """Compute the metrics, by the code that judges every run.

        Raises
        ------
        InputError
            The scores do not fit the split.
        """
        require_one_window(split, "a file of scores is of")
        reset_peak_memory()
        spec = self.spec
        started = time.perf_counter()
        on_event(Event("evaluate", message=f"evaluating {spec.name}"))
        judge = _judge_rows if stage_of(spec) == "ranking" else _judge_lists
        judged, counts = judge(self.scores, split, spec.ks)
        tell_problems(judged.evaluation, on_event)
        return RunResult(
            spec=spec,
            stage=stage_of(spec),
            params=spec.params,
            split=split,
            environment=job_environment(spec, split, "cpu"),
            judged=judged,
            validation={},
            curve=[],
            fit_seconds=None,
            eval_seconds=time.perf_counter() - started,
            peak_rss_mb=peak_memory_mb(),
            origin="external",
            file_counts={name: n for name, n in counts.items() if n},
        )


def _judge_lists(scores: Scores, split: Split, ks: Sequence[int]) -> tuple[Judged, dict[str, int]]:
    top, counts = lists_of(scores, split, ks)
    evaluation = evaluate_recommendations(top.users, top.items, split, ks)
    if split.train.new_items is not None:
        new, _ = lists_of(scores, split, ks, only=split.train.new_items)
        places = np.searchsorted(new.users, evaluation.users)
        evaluation = with_new_items(evaluation, new.items[places], split, ks)
    kept = Recommendations(top.users, top.items[:, :KEPT_ITEMS], top.scores[:, :KEPT_ITEMS])
    return Judged(evaluation, recommendations=kept), counts


def _judge_rows(scores: Scores, split: Split, ks: Sequence[int]) -> tuple[Judged, dict[str, int]]:
    rows, counts = rows_of(scores, split)
    evaluation = evaluate_predictions(rows.users, rows.items, rows.labels, rows.scores, split)
    return Judged(evaluation, rows=rows), counts


def find_split_file(file: Path, named: Path | None = None) -> Path | None:
    """Find the description of the split that scores were made for.

    Parameters
    ----------
    named
        Where it is said to be; None: ``split.json`` beside the file, if there is one.

    Raises
    ------
    InputError
        The named one is not there.
    """
    if named is None:
        beside = file.parent / SPLIT_FILE
        return beside if is_file(beside) else None
    if not is_file(named):
        raise no_such_file(named, "name the split.json that data split wrote")
    return named


def check_split_file(path: Path, split: Split) -> None:
    """Raise InputError unless a split.json is of this split."""
    remedy = "score on the data set and protocol, parameters included, that it was written with"
    described = read_json(path, remedy=remedy)
    found = described.get("fingerprint")
    if not isinstance(found, str):
        raise InputError(f"{path}: no description of a split: it has no 'fingerprint'", remedy)
    if found != split.fingerprint:
        parts = (described.get(name) for name in ("dataset", "protocol"))
        names = [str(part["name"]) for part in parts if isinstance(part, dict) and "name" in part]
        of = f" ({', '.join(names)})" if names else ""
        raise InputError(
            f"{path}: the scores are of another split: its fingerprint is {shorten(found)}{of},"
            f" that of {split.dataset.name}, {split.protocol} is {split.fingerprint}"
            f"{_differing(described.get('protocol'), split)}",
            remedy,
        )


def _differing(protocol: object, split: Split) -> str:
    """Name the parameters of the same protocol that differ, for a message."""
    if not isinstance(protocol, dict) or protocol.get("name") != split.protocol:
        return ""
    said = protocol.get("parameters")
    if not isinstance(said, dict):
        return ""
    ours = split.parameters
    names = [name for name in ours if name in said and said[name] != ours[name]]
    pairs = [f"{name} = {shorten(said[name])}, here {ours[name]}" for name in names]
    return f"; {'; '.join(pairs)}" if pairs else ""


def score(
    file: str | Path,
    dataset: str,
    protocol: str | Mapping[str, Any] = "user-timeline",
    *,
    stage: ScoreStage = "recall",
    ks: Sequence[int] = (10, 20, 50),
    label: str = "",
    data_dir: str | Path = "data",
    split_file: str | Path | None = None,
) -> RunResult:
    """Judge the scores of a model from elsewhere by the test rows of a split.

    Parameters
    ----------
    file
        A table with a header and original ids, csv, tsv or parquet, perhaps gzipped:
        ``user,item,score`` or ``user,item,rank`` for recommendations, ``user,item,score`` and
        perhaps ``time`` for predictions of the test rows.
    dataset, protocol
        As everywhere: a name or path, and a name or a mapping with ``name`` and parameters.
    stage
        ``"recall"`` for recommendations, ``"ranking"`` for predictions.
    ks
        The cut-offs K of recommendations.
    label
        Name of the result; empty: the file's name.
    split_file
        The ``split.json`` that the scores were made with; None: the one beside the file, if there
        is one. Its fingerprint must be that of the split.

    Returns
    -------
    The result: `metrics`, `judged` (per user, and the lists or rows), and `file_counts`, which says
    what was unknown, double or short.

    Raises
    ------
    InputError
        The file, the data set or the protocol is wrong, or they do not fit each other.
    """
    path = Path(file)
    name = {"name": protocol} if isinstance(protocol, str) else dict(protocol)
    values: dict[str, Any] = {"dataset": dataset, "protocol": name, "ks": tuple(ks)}
    if label:
        values["label"] = label
    described = find_split_file(path, None if split_file is None else Path(split_file))
    job = ScoreJob.read(path, values, stage)
    return job.judge(job.load_split(described, data_dir=Path(data_dir)))
