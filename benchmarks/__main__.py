"""Run the benchmarks and print a table: ``python -m benchmarks [NAME …]``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module

from benchmarks.harness import WORK, Figure
from recsys_core.errors import InputError

NAMES = [
    "startup",
    "first_paint",
    "chart",
    "key_latency",
    "tui",
    "users",
    "screens",
    "compare",
    "groups",
    "sweep_page",
    "newcomer",
    "jobs",
    "load",
    "estimate",
    "gpu",
    "evaluation",
    "score",
    "item_cf",
    "ranking",
    "ctr_log",
    "winner",
]


def main(names: list[str]) -> int:
    """Run the named benchmarks, all by default; exit 1 when a goal is missed."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(
            f"error: unknown benchmark {unknown[0]!r}; valid: {', '.join(NAMES)}", file=sys.stderr
        )
        return 2
    figures: list[Figure] = []
    print(f"{'what':44} {'ours':>12} {'peer':>12}  {'ratio':>6} {'goal':>6}")
    for name in names or NAMES:
        try:
            for figure in import_module(f"benchmarks.{name}").measure():
                figures.append(figure)
                print(_line(figure), flush=True)
        except InputError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            print("RECSYS_WORKBENCH_TEST_DATA names a folder of raw data sets", file=sys.stderr)
            return 2
    WORK.mkdir(exist_ok=True)
    content = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    (WORK / "results.json").write_text(json.dumps(content, indent=2) + "\n")
    return int(any(_missed(figure) for figure in figures))


def _missed(figure: Figure) -> bool:
    return figure.goal is not None and (figure.ratio or 0) < figure.goal


def _line(figure: Figure) -> str:
    peer = "" if figure.peer is None else f"{figure.peer:12,.3f}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
    goal = "" if figure.goal is None else f"{figure.goal:.2f}x"
    mark = "✗" if _missed(figure) else ""
    head = f"{figure.name} [{figure.unit}]"
    return (
        f"{head:44} {figure.ours:12,.3f} {peer:>12}  {ratio:>6} {goal:>6} {mark} {figure.peer_name}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
