"""Write ranx.json anew: 60 users, 1 to 12 relevant items of 50, lists of 25 distinct items.

ranx brings packages of half a gigabyte, so that its values are kept and not it: `pip install ranx`,
then `python -m tests.evaluation.write_ranx`.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from tests.evaluation.test_accuracy import NAMES, RANX

KS = [1, 5, 10, 25]


def main() -> None:
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # it compiles half a minute for a second of work
    import ranx

    rng = np.random.default_rng(0)
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    users: list[dict[str, Any]] = []
    for user in range(60):
        wanted = rng.choice(50, int(rng.integers(1, 13)), replace=False)
        listed = rng.choice(50, 25, replace=False)
        qrels[f"{user:02}"] = {str(item): 1 for item in wanted}
        run[f"{user:02}"] = {str(item): 25.0 - place for place, item in enumerate(listed)}
        ranks = np.flatnonzero(np.isin(listed, wanted)) + 1
        users.append({"relevant": len(wanted), "hits": ranks.tolist()})
    theirs = {f"{name}@{k}": f"{name.replace('hit', 'hit_rate')}@{k}" for name in NAMES for k in KS}
    found: dict[str, Any] = ranx.evaluate(
        ranx.Qrels(qrels), ranx.Run(run), list(theirs.values()), return_mean=False
    )
    for user, values in enumerate(users):
        for name in NAMES:
            values[name] = [round(float(found[theirs[f"{name}@{k}"]][user]), 12) for k in KS]
    lines = ",\n  ".join(json.dumps(values) for values in users)
    RANX.write_text(f'{{"ks": {KS}, "users": [\n  {lines}\n]}}\n')


if __name__ == "__main__":
    main()
