"""What the screen Data asks for, answered without a process: the films, and sets to be fetched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from recsys_core.data.dataset import Dataset
from recsys_core.data.describe import describe
from recsys_core.data.registered import FORMAT
from recsys_core.features.schema_files import schema_names
from recsys_core.pipeline.needs import notes
from recsys_core.protocols.registry import protocol_names
from tests.workbench.films import films
from workbench.jobs.catalogue import Catalogue
from workbench.jobs.catalogue_build import describe_protocol, describe_schema
from workbench.tui.processes import Done

UNREACHABLE = (
    "error: ml-10m could not be fetched: https://files.example/ml-10m.zip: Name or service not "
    "known\ncheck the network, import a copy (data import PATH), or use --dataset sample"
)
MEASURED = {
    "schema": "movielens",
    "title": "Ids and attributes.",
    "scopes": [],
    "protocol": "user-timeline",
    "train": 13,
    "valid": 5,
    "features": [
        {
            **dict.fromkeys(("by", "scope", "transform", "shares")),
            "name": name,
            "source": "item",
            "kind": "categorical",
            "reads": name,
            "values": 7,
            "missing": missing,
            "auc": auc,
            "suspicious": auc > 0.95,
        }
        for name, missing, auc in (("item_id", 0.0, 0.7319), ("label_twin", 0.125, 0.9912))
    ],
}


@cache
def small_catalogue() -> Catalogue:
    """The protocols and schemas as they are, no model."""
    protocols = {name: describe_protocol(name) for name in protocol_names()}
    features = {name: describe_schema(name) for name in schema_names()}
    return Catalogue({}, protocols, [], {}, features, {})


class Commands:
    """Stands in for `follow_process`; a fetch goes on when `gate` is opened."""

    def __init__(self, data_dir: Path, dataset: Dataset | None = None) -> None:
        self.data_dir = data_dir
        described = dataset or films()
        self.about = {**describe(described), "notes": notes(described)}
        self.gate = asyncio.Event()
        self.asked: list[list[str]] = []
        self.ended = 0

    async def __call__(self, command: Sequence[str], on_line: Callable[[str], None]) -> Done:
        words = list(command[list(command).index("data") + 1 :])
        self.asked.append(words)
        if words[0] == "describe":
            measured = any(word.startswith("--features") for word in words)
            return Done(0, json.dumps(MEASURED if measured else self.about), "")
        if words[-1] == "ml-10m":
            return Done(2, "", UNREACHABLE)
        on_line(_event(26_000_000, 65_000_000))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        name = "mine" if words[0] == "import" else words[-1]
        self.register(name)
        return Done(0, json.dumps({"name": name}), "")

    def register(self, name: str) -> None:
        """Write what `data list` reads of a set."""
        meta = {"format": FORMAT, "name": name, "source": {}, "bad_rows": {}, "embedded": []}
        facts = ("fingerprint", "interactions", "users", "items", "synthetic")
        meta |= {fact: self.about[fact] for fact in facts}
        (self.data_dir / name).mkdir(parents=True)
        (self.data_dir / name / "meta.json").write_text(json.dumps(meta))


def _event(step: int, total: int) -> str:
    event: dict[str, Any] = {"stage": "fetch", "step": step, "total": total, "message": ""}
    return json.dumps(event | {"rate": 3_250_000.0, "eta": 12.0})
