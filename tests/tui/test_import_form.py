"""The form of an import: a shop's events with its products, and complaints in the form's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import click
import pytest

from recsys_core.data.load import load_dataset
from recsys_core.errors import InputError
from tests.data.test_command import run
from tests.tui.data_sets import small_catalogue
from tests.tui.session import Session, session
from workbench.cli.data import import_command
from workbench.jobs.catalogue import Catalogue
from workbench.tui import data_work
from workbench.tui.data_work import DataWork
from workbench.tui.processes import Done
from workbench.tui.screens import data_shown
from workbench.tui.screens.data_import import ImportScreen, PathSuggester
from workbench.tui.view.import_form import FIELDS, Raw, in_words_of_form, problem_of
from workbench.tui.widgets.lines import Entry

EVENTS = """visitor,product,what,ms
v1,p1,view,1578182400000
v1,p2,view,1578182460000
v1,p2,buy,1578182520000
v2,p1,cart,1578186060000
v2,p3,return,1578186120000
"""
PRODUCTS = "product,name,price\np1,Blue mug,7.5\np2,Red lamp,49\np4,Desk,199\n"
COLUMNS = "user=visitor,item=product,type=what,timestamp=ms"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with raw files, below a session whose commands run in this process."""
    raw = tmp_path / "shop"
    raw.mkdir()
    (raw / "events.csv").write_text(EVENTS)
    (raw / "products.csv").write_text(PRODUCTS)
    monkeypatch.chdir(raw)

    async def ready(say: object) -> Catalogue:
        return small_catalogue()

    monkeypatch.setattr(data_shown, "open_catalogue", ready)
    return raw


@pytest.fixture
def asked(shop: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is asked of `data`; an import is answered at once, in this process."""
    found: list[list[str]] = []

    async def answer(command: Sequence[str], on_line: Callable[[str], None]) -> Done:
        words = list(command[list(command).index("workbench") + 1 :])
        found.append(words)
        if "import" not in words:
            await asyncio.Event().wait()
        words.remove("--events")
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
            code = run(*words)
        return Done(code, out.getvalue(), errors.getvalue())

    monkeypatch.setattr(data_work, "follow_process", answer)
    return found


async def fill(s: Session, **values: str) -> None:
    for key, value in values.items():
        s.app.screen.query_one(f"#{key}", Entry).value = value
    await s.pilot.pause()


async def test_a_shop_is_imported_with_its_products(
    shop: Path, asked: list[list[str]], tmp_path: Path
) -> None:
    async with session(tmp_path / "runs", (80, 24)) as s:
        await s.press("5", "i")
        text = s.text()
        assert all(f"│  {field.label} " in text for field in FIELDS), "all fields are in sight"
        await s.type("events.csv")
        await fill(s, columns=COLUMNS, time_unit="ms", keep="view, buy, cart")
        await s.press("enter")
        await s.until(lambda: "nothing was imported" in s.text())
        assert "--" not in s.text()
        await s.press("i", "up", "down", "down", "down", "down", "l", "a")
        assert "Rows with the same user and item" in s.text()
        assert "✖ repeats: error, first, last, greatest, count or keep" in s.text()
        await s.until(lambda: "last" in s.text().splitlines()[4], "it is not completed")
        await s.press("right")
        await fill(s, items="products", type_weights="view=1,cart=3,buy=5")
        assert "✖ items: no such file: products" in s.text()
        await s.press("enter")
        assert isinstance(s.app.screen, ImportScreen), "what is wrong does not begin"
        await fill(s, items="products.csv")
        await s.press("enter")
        await s.until(lambda: (tmp_path / "data" / "events" / "meta.json").exists())
    dataset = load_dataset("events", tmp_path / "data")
    assert dataset.user_ids[dataset.user].tolist() == ["v1", "v1", "v2"]
    assert dataset.item_ids[dataset.item].tolist() == ["p1", "p2", "p1"]
    assert dataset.timestamp.tolist() == [1578182400, 1578182520, 1578186060]
    assert dataset.item_ids.tolist() == ["p1", "p2", "p4"]
    assert set(dataset.item_columns) == {"title", "price"}
    assert set(dataset.event_columns) == {"type", "type_weight"}


def test_every_option_of_the_command_has_a_field() -> None:
    options = {opt for each in import_command.params for opt in each.opts}
    apart = {"paths", "--json", "--events"}
    assert {f"--{field.option}" for field in FIELDS if field.option} == options - apart
    choices = {
        each.opts[0]: tuple(each.type.choices)
        for each in import_command.params
        if isinstance(each.type, click.Choice)
    }
    assert {f"--{field.option}": field.choices for field in FIELDS if field.choices} == choices


def test_vectors_are_given_one_by_one_and_homes_are_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    raw = Raw(
        "~/shop", vectors="covers=~/c.npz; user:bio=b.npy,ids=~/b.txt", items="~/p.csv,id=sku"
    )
    assert raw.arguments() == [
        *("--items=/home/anna/p.csv,id=sku", "--vectors=covers=/home/anna/c.npz"),
        *("--vectors=user:bio=b.npy,ids=/home/anna/b.txt", "--", "/home/anna/shop"),
    ]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (Raw(bad_rows="skip", repeats="keep", time_unit="ms"), ""),
        (Raw(name="Mine!"), "'Mine!' cannot name a data set: use"),
        (Raw(bad_rows="no"), "bad rows: error or skip"),
        (Raw(time_unit="sec"), "time unit: s, ms, us, ns, min, h or d"),
        (Raw(items="products.csv,id=product"), ""),
        (Raw(items="product.csv,id=product"), "items: no such file: product.csv"),
        (Raw(users="."), "users: no such file: ."),
        (Raw(vectors="products.csv"), "vectors: NAME=FILE"),
        (Raw(vectors="a=products.csv; b="), "vectors: no such file: FILE"),
    ],
)
def test_what_is_seen_at_once_names_the_field(shop: Path, raw: Raw, problem: str) -> None:
    assert problem_of(raw) == problem or (problem and problem_of(raw).startswith(problem))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (Raw("events.csv"), "say which is which: 'columns' user=visitor,item=product"),
        (Raw("events.csv", columns="user=visitor"), "'columns' does not say which column"),
        (Raw("events.csv", columns=COLUMNS), "'time unit' ms"),
        (Raw("events.csv", columns=COLUMNS, time_unit="ms"), "'bad rows' skip keeps the first"),
        (Raw("events.csv", columns=COLUMNS, time_unit="ms", keep="x"), "('keep types')"),
        (Raw("events.csv", columns=COLUMNS, type_weights="x"), "'type weights' x: 'x' is not"),
        (Raw("events.csv", columns=COLUMNS, separator="tab"), "'separator' blank"),
        (Raw("events.csv", columns=COLUMNS, rating_range="9"), "'ratings' 9 is not two ascending"),
        (
            Raw("events.csv", columns=COLUMNS, time_unit="ms", repeats="keep", rating_range="1,9"),
            "'ratings' has no effect",
        ),
        (Raw("events.csv", columns=COLUMNS, time_unit="ms", repeats="greatest"), "'repeats' first"),
    ],
)
async def test_complaints_name_fields_not_options(
    shop: Path, asked: list[list[str]], tmp_path: Path, raw: Raw, words: str
) -> None:
    work = DataWork(tmp_path / "data", lambda: 0.0)
    with pytest.raises(InputError) as error:
        await work.import_raw(raw, lambda _: None)
    text = str(error.value)
    assert words in text
    assert "--" not in text
    assert "recsys-workbench" not in text


def test_a_complaint_keeps_what_is_no_field() -> None:
    error = in_words_of_form(InputError("the disk is full", "choose another with --data-dir"))
    assert (error.problem, error.remedy) == ("the disk is full", "choose another with --data-dir")


async def test_paths_of_vectors_are_completed(shop: Path) -> None:
    suggest = PathSuggester("=").get_suggestion
    assert await suggest("a=pro") == "a=products.csv"
    assert await suggest("a=x.npz; b=ev") == "a=x.npz; b=events.csv"
    assert await suggest("a") is None
