"""Run folders as a failing disk, a careless hand or a stranger leaves them, one fault each."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workbench.store.runs import RESULTS as RESULTS_FILE

Damage = Callable[[Path], object]

#: what Python's own parser gives up on
DEEP = "[" * 5_000
#: deeper than any file is, and not too deep for Python's parser
NESTED = "[" * 500 + "]" * 500
#: one entry of the second level for each of the first, nine times over
ALIASES = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x, x]"]) + "".join(
    f"\n{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def content(name: str, text: str) -> Damage:
    """Put a text in the place of a file."""
    return lambda folder: _replace(folder / name).write_text(text)


def value(name: str, field: str, new: Any) -> Damage:
    """Change a field of a JSON file; `field` is written ``outer.inner``."""

    def damage(folder: Path) -> None:
        path = folder / name
        values = json.loads(path.read_text()) if path.exists() else {}
        *outer, last = field.split(".")
        place = values
        for key in outer:
            place = place[key]
        place[last] = new
        path.write_text(json.dumps(values))

    return damage


def pipe(name: str) -> Damage:
    """Put a pipe that nobody writes to in the place of a file."""
    return lambda folder: os.mkfifo(_replace(folder / name))


def endless(name: str) -> Damage:
    """Put a link to a device without end in the place of a file."""
    return lambda folder: _replace(folder / name).symlink_to("/dev/zero")


def huge(name: str) -> Damage:
    """Put 6 GB of zeros, which take no space, in the place of a file."""

    def damage(folder: Path) -> None:
        with _replace(folder / name).open("wb") as file:
            file.truncate(6 << 30)

    return damage


def folder(name: str) -> Damage:
    """Put a folder in the place of a file."""
    return lambda run: _replace(run / name).mkdir()


def missing(name: str) -> Damage:
    """Take a file away."""
    return lambda run: _replace(run / name)


def tables(*statements: str) -> Damage:
    """Change the tables of results.sqlite."""

    def damage(run: Path) -> None:
        database = sqlite3.connect(run / RESULTS_FILE)
        database.executescript(";".join(statements))
        database.close()

    return damage


def _replace(path: Path) -> Path:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


#: faults of what is read for a list; the file that is to be named stands first in the name
LISTED: dict[str, Damage] = {
    "status.json deep": content("status.json", DEEP),
    "status.json nested": value("status.json", "reason", json.loads(NESTED)),
    "status.json far": value("status.json", "created", 1e300),
    "status.json far end": value("status.json", "ended", -1e300),
    "status.json reason": value("status.json", "reason", {}),
    "status.json pid": value("status.json", "pid", "self"),
    "status.json cut": content("status.json", '{"state": "succe'),
    "status.json bytes": lambda run: (run / "status.json").write_bytes(b"\xff\xfe{}"),
    "status.json pipe": pipe("status.json"),
    "status.json huge": huge("status.json"),
    "status.json endless": endless("status.json"),
    "status.json folder": folder("status.json"),
    "metrics.json deep": content("metrics.json", DEEP),
    "metrics.json digits": lambda run: _digits(run, 400),
    "metrics.json surrogate": value("metrics.json", "label", "\ud800"),
    "metrics.json label": value("metrics.json", "label", []),
    "metrics.json model": value("metrics.json", "model", {}),
    "metrics.json seed": value("metrics.json", "seed", 2**70),
    "metrics.json text": value("metrics.json", "metrics.ndcg@10", "0.5"),
    "metrics.json interval": value("metrics.json", "ci95", {"ndcg@10": [0.4]}),
    "metrics.json interval text": value("metrics.json", "ci95", {"ndcg@10": ["a", "b"]}),
    "metrics.json long name": value("metrics.json", "metrics", {"ndcg@" + "9" * 5_000: 0.5}),
    "metrics.json curve": value("metrics.json", "curve", [1, 2]),
    "metrics.json importance": value("metrics.json", "importance", {"age": "high"}),
    "metrics.json memory": value("metrics.json", "peak_rss_mb", "much"),
    "metrics.json data": value("metrics.json", "dataset.name", None),
    "metrics.json fingerprint": value("metrics.json", "dataset.fingerprint", 7),
    "metrics.json relevance": value("metrics.json", "protocol.parameters.relevance", "4"),
    "metrics.json missing": missing("metrics.json"),
    "metrics.json pipe": pipe("metrics.json"),
    "metrics.json huge": huge("metrics.json"),
    "metrics.json endless": endless("metrics.json"),
    "annotations.json deep": content("annotations.json", DEEP),
    "annotations.json tags": content("annotations.json", '{"tags": [1]}'),
    "annotations.json value": content(
        "annotations.json", '{"published": {"ndcg@10": {"value": "x", "source": "y"}}}'
    ),
    "annotations.json pipe": pipe("annotations.json"),
    "spec.yaml missing": missing("spec.yaml"),
}
#: faults of what is read when a run is looked at
SHOWN: dict[str, Damage] = {
    "spec.yaml date": content("spec.yaml", "label: 2001-99-99\n"),
    "spec.yaml label": content("spec.yaml", "label: [a]\n"),
    "spec.yaml flag": content("spec.yaml", "model: !!bool x\n"),
    "spec.yaml names": content("spec.yaml", "model: mf\nparams: {2001-01-01: 3}\n"),
    "spec.yaml params": content("spec.yaml", "model: mf\nparams: 5\n"),
    "spec.yaml deep": content("spec.yaml", "a: " + DEEP),
    "spec.yaml aliases": content("spec.yaml", ALIASES),
    "spec.yaml pipe": pipe("spec.yaml"),
    "spec.yaml endless": endless("spec.yaml"),
    "spec.yaml huge": huge("spec.yaml"),
}
#: faults of what may be damaged without harm to the result
HARMLESS: dict[str, Damage] = {
    "events.jsonl pipe": pipe("events.jsonl"),
    "events.jsonl huge": huge("events.jsonl"),
    "events.jsonl endless": endless("events.jsonl"),
    "events.jsonl types": content(
        "events.jsonl", f'{DEEP}\n{{"metrics": 3}}\n{{"stage": "fit", "step": "x"}}\n[]\n7\n'
    ),
    "log.txt pipe": pipe("log.txt"),
    "log.txt huge": huge("log.txt"),
    "environment.json deep": content("environment.json", DEEP),
    "environment.json types": content("environment.json", '{"packages": [1], "python": {}}'),
    "environment.json pipe": pipe("environment.json"),
    "metrics.json odd cutoff": value("metrics.json", "metrics", {"ndcg@" + "9" * 100: 0.5}),
    "metrics.json odd stage": value("metrics.json", "stage", "third"),
    "metrics.json odd digit": value("metrics.json", "metrics", {"ndcg@²": 1e300}),
    "checkpoint pipe": pipe("checkpoint"),
}
_ENDLESS = (
    "AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)"
    " SELECT 'ndcg@10' AS metric, 0 AS user, .5 AS value, i AS item, i AS rank, .5 AS score,"
    " '[]' AS channels, 'x' AS user_id, 'x' AS item_id, 1 AS label FROM n"
)
#: faults of results.sqlite
RESULTS: dict[str, Damage] = {
    "endless users": tables("DROP TABLE user_metrics", f"CREATE VIEW user_metrics {_ENDLESS}"),
    "endless lists": tables(
        "DROP TABLE recommendations", f"CREATE VIEW recommendations {_ENDLESS}"
    ),
    "channels": tables("UPDATE recommendations SET channels = '[[['"),
    "channels number": tables("UPDATE recommendations SET channels = '7'"),
    "metric text": tables("UPDATE user_metrics SET value = 'much'"),
    "metric bytes": tables("UPDATE user_metrics SET value = x'00'"),
    "item unknown": tables("UPDATE recommendations SET item = 100005 WHERE rank = 1"),
    "item text": tables("UPDATE recommendations SET item = 'x'"),
    "score text": tables("UPDATE recommendations SET score = 'x'"),
    "parts code": tables("UPDATE parts SET parts = x'0909090909'"),
    "parts text": tables("UPDATE parts SET parts = 'abcde'"),
    "garbage": lambda run: (run / "results.sqlite").write_bytes(b"SQLite format 3\0" * 99),
    "pipe": pipe("results.sqlite"),
    "endless": endless("results.sqlite"),
    "folder": folder("results.sqlite"),
}


def _digits(run: Path, count: int) -> None:
    path = run / "metrics.json"
    path.write_text(path.read_text().replace("0.5", "9" * count, 1))


def damaged_copies(run: Path, damages: Iterable[tuple[str, Damage]]) -> dict[str, Path]:
    """Copy a run that succeeded once a damage, beside itself; return the folders by damage."""
    copies = {}
    for number, (name, damage) in enumerate(damages):
        copies[name] = run.with_name(f"20260101-0000{number:02d}-bad-{number:04x}")
        shutil.copytree(run, copies[name])
        damage(copies[name])
    return copies
