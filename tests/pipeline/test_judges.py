"""Workers of a Dask cluster that judge a job: those that cannot are named before it starts."""

from __future__ import annotations

from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline import judges

WORKER = "tcp://10.0.0.7:40000"


class Cluster:
    """A client whose only worker answers as it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def wait_for_workers(self, least: int, timeout: float) -> None:
        if self.answer is None:
            raise TimeoutError

    def run(self, asked: Any, on_error: str) -> dict[str, Any]:
        return {WORKER: self.answer}


@pytest.mark.parametrize(
    ("answer", "problem", "remedy"),
    [
        (None, "tcp://a:1 has no workers", "dask worker tcp://a:1"),
        ({"code": "x"}, f"{WORKER} has code x, this process has", "same versions"),
        (ModuleNotFoundError("No module named 'recsys_core'"), f"{WORKER}: Module", "same version"),
    ],
)
def test_workers_that_could_give_other_figures_are_refused(
    answer: Any, problem: str, remedy: str
) -> None:
    with pytest.raises(InputError, match=problem) as error:
        judges._check_workers(Cluster(answer), "tcp://a:1")  # type: ignore[arg-type]
    assert remedy in error.value.remedy
    judges._check_workers(Cluster(judges._facts()), "tcp://a:1")  # type: ignore[arg-type]
