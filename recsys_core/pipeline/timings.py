"""What recommending costs: single requests and all users at once."""

from __future__ import annotations

import time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.rehearsal import some
from recsys_core.data.interactions import Histories

#: single requests that are timed
REQUESTS = 100


class _Recommends(Protocol):
    def recommend(
        self, users: NDArray[np.integer], k: int, *, histories: Histories | None = None
    ) -> Any: ...


def request_timings(
    model: _Recommends, users: NDArray[np.integer], histories: Histories, k: int, seconds: float
) -> dict[str, float]:
    """Time single requests of users spread over all; `seconds` is what all of them took.

    Returns
    -------
    ``request_ms_p50``, ``request_ms_p95`` (one user per call, k items), ``request_cpu_ms_p95``
    (likewise, what the processor spent, whatever else it had to do) and ``users_per_second`` (all
    users in one call).
    """
    chosen = np.unique(np.linspace(0, len(users) - 1, REQUESTS).astype(np.int64))
    spent, worked = [], []
    for row in some(chosen, len(chosen)):
        started, busy = time.perf_counter(), time.process_time()
        model.recommend(users[row : row + 1], k, histories=histories.take(np.array([row])))
        spent.append(1000 * (time.perf_counter() - started))
        worked.append(1000 * (time.process_time() - busy))
    return {
        "request_ms_p50": float(np.quantile(spent, 0.5)),
        "request_ms_p95": float(np.quantile(spent, 0.95)),
        "request_cpu_ms_p95": float(np.quantile(worked, 0.95)),
        "users_per_second": len(users) / max(seconds, 1e-9),
    }
