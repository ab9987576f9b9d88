"""Extensions in the session, which imports none: a worker has described them."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from recsys_core.evaluation import names
from recsys_core.evaluation.names import MetricCard
from tests.tui.folders import recall_metrics, write_run
from tests.tui.session import session
from workbench.jobs.catalogue import Catalogue
from workbench.tui import app, catalogue

BROKEN = "extension 'mine' (mine of mine 1.0) does not load: ValueError: late; fix it"


async def test_metrics_of_extensions_have_their_direction_and_broken_ones_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = MetricCard("misses", "lists", "share of misses", False, False, 0.0, 1.0)
    known = Catalogue({}, {}, [], {}, {}, {}, [asdict(card)], [BROKEN])
    monkeypatch.setattr(names, "_cards", {})
    monkeypatch.setattr(app, "points_of", lambda group: [EntryPoint("mine", "mine", group)])
    monkeypatch.setattr(catalogue, "catalogue_path", lambda: tmp_path / "catalogue.json")
    monkeypatch.setattr(catalogue, "read_catalogue", lambda path: known)
    write_run(tmp_path / "runs", "mf", metrics=recall_metrics(0.1) | {"misses@10": 0.9})
    async with session(tmp_path / "runs", (160, 30)) as s:
        await s.see("extension 'mine'")
        assert not names.higher_is_better("misses@10")
        s.app.explain_metric("misses@10")
        await s.see("0 to 1, less is better: share of misses")
