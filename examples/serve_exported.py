"""Lists and scores from an export: numpy, onnxruntime and json, without recsys_core.

recsys-workbench models export RUN --format npz --to exported
python examples/serve_exported.py exported --user 42 --k 10
python examples/serve_exported.py exported --history 260,1196 --without 1210
python examples/serve_exported.py exported-deepfm --rows rows.json

docs/serving.md describes the files. This script needs exported_features.py (encodings) and
exported_recall.py (models of items) beside it, and faiss only for an export that has an index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from exported_features import Features
from exported_recall import Recall
from exported_two_stage import TwoStage
from exported_values import Ask, History

FORMAT = 1
NOBODY = -1


class ExportError(Exception):
    """An export, or what is asked of it, is not as it should be."""


class Ranker:
    """A ranking model: encoded rows through a graph, calibrated."""

    def __init__(self, about: dict[str, Any], features: Features | None, graph: Any) -> None:
        self.about, self.features, self.graph = about, features, graph
        self.given = about.get("given", [])

    def score(self, ask: Ask, items: np.ndarray) -> np.ndarray:
        """Score candidates, shape (n, tasks): probabilities, and values of value tasks."""
        if self.about["computation"] == "numbers":
            parts = [np.stack([ask.given[name] for name in self.given], axis=1)]
            if self.features.fields:
                parts.append(self.features.numbers(ask, items))
            return self.graph({"numbers": np.concatenate(parts, axis=1).astype(np.float32)})[
                :, None
            ]
        return self.predict(self.inputs(ask, items))

    def inputs(self, ask: Ask, items: np.ndarray) -> dict[str, np.ndarray]:
        """Encode candidates as the graph takes them."""
        encoded = list(zip(self.features.fields, self.features.slots(ask, items), strict=True))
        none = np.empty((len(items), 0))
        singles = [index for each, (index, _) in encoded if each["kind"] == "categorical"]
        others = [slots for each, slots in encoded if each["kind"] != "categorical"]
        return {
            "single": np.concatenate([none, *singles], axis=1).astype(np.int64),
            "weighted": np.concatenate([none, *(i for i, _ in others)], axis=1).astype(np.int64),
            "weights": np.concatenate([none, *(w for _, w in others)], axis=1).astype(np.float32),
        }

    def predict(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Ask the graph, and turn its outputs into predictions, task by task."""
        outputs = self.graph(inputs).astype(np.float64)
        for number, task in enumerate(self.about["tasks"]):
            z = outputs[:, number]
            if task["calibration"]:
                z = _calibrated(z, **task["calibration"])
            outputs[:, number] = 1 / (1 + np.exp(-z)) if task["binary"] else z
        return outputs.astype(np.float32)


def _calibrated(
    z: np.ndarray, scores: list[float], targets: list[float], slope: float
) -> np.ndarray:
    outside = np.minimum(z - scores[0], 0) + np.maximum(z - scores[-1], 0)
    return np.interp(z, scores, targets) + slope * outside


class Exported:
    """A folder that `models export` wrote; every file is checked against the manifest.

    Raises
    ------
    ExportError
        A file is missing or changed, or of another version of the format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = check(self.folder)
        self.data = read_arrays(self.folder / "data.npz")
        self.user_ids, self.item_ids = (
            self.data["user_ids"].tolist(),
            self.data["item_ids"].tolist(),
        )
        self._users = {text: number for number, text in enumerate(self.user_ids)}
        self._items = {text: number for number, text in enumerate(self.item_ids)}
        self.model = self._part("")

    def _part(self, name: str) -> Any:
        """Load the model of a part of the folder."""
        folder = self.folder / name
        about, arrays = read_json(folder / "model.json"), {}
        if (folder / "arrays.npz").exists():
            arrays = read_arrays(folder / "arrays.npz")
        features = graph = None
        if (folder / "features.json").exists():
            features = Features(read_json(folder / "features.json"), arrays)
            features.ids = {"user": self.user_ids, "item": self.item_ids}
        graph_of = about.get("graph") or about.get("fields", {}).get("graph")
        if graph_of:
            graph = load_graph(folder / graph_of["file"])
        if about["kind"] == "ranking":
            return Ranker(about, features, graph)
        if about["kind"] == "two-stage":
            channels = [self._part(each["folder"]) for each in about["channels"]]
            ranker = self._part(about["ranker"]) if about["ranker"] else None
            return TwoStage(about, arrays, channels, ranker)
        index = load_index(folder / about["index"]["file"]) if "index" in about else None
        return Recall(about, arrays, features, graph, index)

    def history_of(self, user: int) -> tuple[History, int | None]:
        """Give what is known of a user, and when the user is asked if the export says so."""
        start, end = self.data["history.offsets"][user : user + 2].tolist()
        events = (self.data[f"history.{name}"][start:end] for name in ("items", "ratings", "times"))
        asked = self.data.get("history.asked")
        return History(*events), None if asked is None else int(asked[user])

    def as_history(self, events: list[Any]) -> History:
        """Read events: item ids, or [item, rating] or [item, rating, time], oldest first."""
        best, latest = self.data["default_event"].tolist()
        full = [[each] if isinstance(each, str | int) else list(each) for each in events]
        full = [each + [best, int(latest)][len(each) - 1 :] for each in full]
        times = np.array([int(time) for *_, time in full], dtype=np.int64)
        order = np.argsort(times, kind="stable")
        return History(
            np.array([self.item_number(each[0]) for each in full], dtype=np.int64)[order],
            np.array([each[1] for each in full], dtype=np.float32)[order],
            times[order],
        )

    def user_number(self, user: str | int) -> int:
        """Look up an original user id."""
        if str(user) not in self._users:
            raise ExportError(f"no user '{user}' in this export")
        return self._users[str(user)]

    def item_number(self, item: str | int) -> int:
        """Look up an original item id."""
        if str(item) not in self._items:
            raise ExportError(f"no item '{item}' in this export")
        return self._items[str(item)]

    def recommend(
        self,
        user: str | int | None = None,
        k: int = 10,
        history: list[Any] | None = None,
        candidates: list[Any] | None = None,
        without: tuple[Any, ...] | list[Any] = (),
        attributes: dict[str, Any] | None = None,
    ) -> list[tuple[str, float]]:
        """List the best items, (id, score) each, for a user by id or for anybody by a history."""
        if isinstance(self.model, Ranker):
            raise ExportError("a ranking model scores rows: give rows")
        if user is None and history is None:
            raise ExportError("give a user or a history")
        if k < 1:
            raise ExportError(f"k = {k}: give at least 1")
        number, asked = NOBODY if user is None else self.user_number(user), None
        known = History(*(np.empty(0, kind) for kind in (np.int64, np.float32, np.int64)))
        if history is not None:
            known = self.as_history(history)
        elif user is not None:
            known, asked = self.history_of(number)
        time = asked if asked is not None else self.model.time_of(known)
        banned = np.zeros(len(self.item_ids), dtype=bool)
        if candidates is not None:
            banned[:] = True
            banned[[self.item_number(each) for each in candidates]] = False
        banned[[self.item_number(each) for each in without]] = True
        ask = Ask(number, known, time, user_attributes=attributes or {})
        return [
            (self.item_ids[item], score) for item, score in self.model.recommend(ask, k, banned)
        ]

    def score(self, rows: list[dict[str, Any]]) -> np.ndarray:
        """Predict rows by a ranking model, shape (n, tasks).

        A row has user and item (ids, known or not), time, and maybe history (else what is known of
        the user), user_attributes, item_attributes, context.
        """
        if not isinstance(self.model, Ranker):
            raise ExportError("this export makes lists: ask it to recommend")
        encoded = [self.model.inputs(*self._row(row)) for row in rows]
        names = encoded[0] if encoded else {}
        step = 1024
        parts = [
            self.model.predict(
                {name: np.concatenate([e[name] for e in encoded[at : at + step]]) for name in names}
            )
            for at in range(0, len(encoded), step)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.model.about["tasks"])))

    def _row(self, row: dict[str, Any]) -> tuple[Ask, np.ndarray]:
        user = self._users.get(str(row.get("user")), NOBODY)
        if "history" in row:
            history = self.as_history(row["history"])
        elif user == NOBODY:
            history = self.as_history([])
        else:
            history, _ = self.history_of(user)
        last = int(self.data["default_event"][1])
        names = ("user_attributes", "item_attributes", "context")
        ask = Ask(user, history, int(row.get("time", last)), *(row.get(name, {}) for name in names))
        return ask, np.array([self._items.get(str(row.get("item")), NOBODY)])


def check(folder: Path) -> dict[str, Any]:
    """Compare every file with the manifest.

    Raises
    ------
    ExportError
        It names the file that is missing or changed.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise ExportError(f"{folder}: no export here (manifest.json is missing)")
    manifest = read_json(path)
    for name, wanted in manifest["files"].items():
        file = folder / name
        if not file.is_file():
            raise ExportError(f"{folder}: {name} is missing; export the run again")
        if file.stat().st_size != wanted["bytes"] or digest(file) != wanted["sha256"]:
            raise ExportError(f"{folder}: {name} is not what was exported; export the run again")
    return manifest


def digest(file: Path) -> str:
    """Hash a file, whatever its size."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of this version of the format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ExportError(f"{path}: no JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ExportError(f"{path}: this script reads format {FORMAT}")
    return content


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays; none may be a pickle."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def load_graph(path: Path) -> Any:
    """Load an ONNX graph: a function from inputs by name to its output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = {each.name for each in session.get_inputs()}

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return session.run(None, {n: values for n, values in inputs.items() if n in taken})[0]

    return run


def load_index(path: Path) -> Any:
    """Load a faiss index."""
    import faiss

    return faiss.read_index(str(path))


def main(arguments: list[str]) -> int:
    """Answer one question on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--user", help="an id of the data set")
    parser.add_argument("--history", help="ids of items, oldest first, separated by commas")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--candidates", help="list only these items")
    parser.add_argument("--without", default="", help="list none of these items")
    parser.add_argument("--rows", type=Path, help="JSON: rows for a ranking model")
    asked = parser.parse_args(arguments)
    ids = {
        name: [part for part in value.split(",") if part]
        for name in ("history", "candidates", "without")
        if (value := getattr(asked, name)) is not None
    }
    try:
        exported = Exported(asked.folder)
        if asked.rows:
            scores = exported.score(json.loads(asked.rows.read_text())).tolist()
            lines = [" ".join(f"{score:.6f}" for score in row) for row in scores]
        else:
            found = exported.recommend(asked.user, asked.k, **ids)
            lines = [f"{item}\t{score:.6f}" for item, score in found]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough: what is left must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ExportError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
