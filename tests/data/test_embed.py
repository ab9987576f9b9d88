"""`data embed`: texts become vectors of the set, are found again and made again."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data import sample
from recsys_core.data import text_vectors as texts
from recsys_core.data.dataset import Dataset, Vectors
from recsys_core.data.embed import Recipe, embed
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.registered import COLUMNS, META
from recsys_core.errors import InputError
from recsys_core.events import ignore
from tests.data.files import write_files
from tests.data.test_command import run

LOANS = b"user,book_id,rating\n1,b1,5\n1,b2,4\n2,b1,3\n2,b3,4\n2,b4,1\n"
BOOKS = (
    b"book,title,genres\nb1,The Sea,Poems|Travel\nb2,A Sea of Trees,Poems\n"
    b"b3,,Crime\nb4,Trees and Sheep,Travel\nb5,The Crime of the Trees,Crime\n"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with the set `loans`: 5 books, one without an event."""
    raw = write_files(tmp_path / "raw", {"loans.csv": LOANS, "books.csv": BOOKS})
    options = ImportOptions(items=str(raw / "books.csv"))
    import_dataset(raw / "loans.csv", tmp_path / "data", "loans", options)
    return tmp_path / "data"


def recipe(*columns: str, **changed: Any) -> Recipe:
    values = {"side": "item", "name": "text", "model": "tfidf", "size": 2, **changed}
    return Recipe(columns=columns or ("title",), **values)


def vectors(dataset: Dataset, name: str = "text") -> NDArray[np.float32]:
    column = dataset.item_columns[name]
    assert isinstance(column, Vectors)
    return column.values


def test_words_by_hand() -> None:
    """A word counts 1 + ln(times) by its rarity; with as few words as numbers there is no SVD."""
    found = texts.word_vectors(["sea tree", "Sea, tree: tree!", "alone"], 2)
    # all shared words are in two of three texts, equally rare, so that rarity drops out
    twice = 1 + np.log(2)
    np.testing.assert_allclose(found[0], [1 / np.sqrt(2)] * 2, atol=1e-4)
    np.testing.assert_allclose(found[1], np.array([1, twice]) / np.hypot(1, twice), atol=1e-4)
    assert np.isnan(found[2]).all()


def test_texts_that_share_words_point_the_same_way() -> None:
    """Two topics with words of their own: after the SVD a text is near those of its topic."""
    rng = np.random.default_rng(0)
    words = [[f"{topic}{number}" for number in range(12)] for topic in "ab"]
    lines = [" ".join(rng.choice(words[row % 2], 6)) for row in range(40)]
    found = texts.word_vectors(lines, 2)
    near = found @ found.T
    same = np.equal.outer(np.arange(40) % 2, np.arange(40) % 2)
    assert near[same].min() > 0.9
    assert np.abs(near[~same]).max() < 0.1


def test_vectors_are_kept_and_replaced(data: Path) -> None:
    before = load_dataset("loans", data)
    made = embed(before, data, recipe("title", "genres"))
    again = load_dataset("loans", data)
    np.testing.assert_array_equal(vectors(again), vectors(made))
    assert again.fingerprint == made.fingerprint != before.fingerprint
    meta = json.loads((data / "loans" / META).read_text())
    (entry,) = meta["embedded"]
    assert entry == {
        "side": "item",
        "columns": ["title", "genres"],
        "name": "text",
        "model": "tfidf",
        "size": 2,
        "matched": 5,
        "of": 5,
        "length": 2,
    }
    embed(again, data, recipe("title", size=1))
    embed(load_dataset("loans", data), data, recipe("title", name="other"))
    last = load_dataset("loans", data)
    assert (vectors(last).shape, vectors(last, "other").shape) == ((5, 1), (5, 2))
    assert np.isnan(vectors(last)).ravel().tolist() == [False, False, True, False, False]


def test_vectors_of_a_damaged_set_are_made_again(data: Path, tmp_path: Path) -> None:
    made = embed(load_dataset("loans", data), data, recipe())
    (data / "loans" / COLUMNS / "user.npy").unlink()
    messages: list[str] = []
    again = load_dataset("loans", data, on_event=lambda event: messages.append(event.message))
    assert again.fingerprint == made.fingerprint
    assert messages[-1] == "making vectors of title"
    path = data / "loans" / META
    path.write_text(path.read_text().replace('"tfidf"', json.dumps(str(tmp_path / "gone"))))
    (data / "loans" / COLUMNS / "user.npy").unlink()
    again = load_dataset("loans", data, on_event=lambda event: messages.append(event.message))
    assert "the vectors 'text' of loans are gone: " in messages[-1]
    assert "text" not in again.item_columns


def test_the_sample_keeps_its_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = sample.make_sample(40, 60, 15)
    monkeypatch.setattr(sample, "make_sample", lambda: few)
    made = embed(load_dataset("sample", tmp_path), tmp_path, recipe("title", "genres"))
    assert load_dataset("sample", tmp_path).fingerprint == made.fingerprint
    (tmp_path / "sample" / COLUMNS / "user.npy").unlink()
    assert load_dataset("sample", tmp_path).fingerprint == made.fingerprint


REFUSED = {
    "no such column": (
        recipe("titel"),
        "unknown attribute of items of loans 'titel'\ndid you mean",
    ),
    "no attributes": (recipe("bio", side="user"), "users of loans have no attributes\nimport a"),
    "a name that is taken": (recipe(name="title"), "items of loans have 'title' already\n.*--as"),
    "no model": (recipe(model="/nowhere"), "no sentence model is here .*modules.json.*\nname"),
    "no package": (recipe(model="minilm"), r"minilm is not installed\npip install .*\[text\]"),
}


@pytest.mark.parametrize(("asked", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_embedded(
    data: Path, asked: Recipe, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PACKAGE", "no_such_package_is_here")
    dataset = load_dataset("loans", data)
    with pytest.raises(InputError, match=says):
        embed(dataset, data, asked)
    assert load_dataset("loans", data).fingerprint == dataset.fingerprint


@pytest.mark.parametrize(
    ("lines", "says"),
    [(["", "a"], "fewer than two of the texts hold"), (["a", "b"], "no word occurs in two")],
)
def test_texts_of_which_nothing_can_be_made(lines: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        texts.text_vectors(lines, "tfidf", None, ignore)


class Encoder:
    """Stand in for the library: the length of a text, and of its first word."""

    def __init__(self, folder: str, **options: Any) -> None:
        assert options == {"local_files_only": True, "model_kwargs": {"use_safetensors": True}}
        if "broken" in folder:
            raise OSError("no weights")

    def encode(self, lines: list[str], **_: Any) -> NDArray[np.float64]:
        return np.array([[len(line), len(line.split()[0]), 0] for line in lines], float)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in in the place of sentence-transformers, which is large and optional."""
    parts: dict[str, dict[str, Any]] = {
        "sentence_transformers": {"SentenceTransformer": Encoder},
        "transformers": {},
        "transformers.utils": {},
        "transformers.utils.logging": {"disable_progress_bar": lambda: None},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("library")
def test_a_sentence_model_from_a_folder(data: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "model", {"modules.json": b"[]"})
    made = embed(load_dataset("loans", data), data, recipe(model=str(folder), size=None))
    np.testing.assert_array_equal(vectors(made)[[0, 1]], [[7, 3, 0], [14, 1, 0]])
    assert np.isnan(vectors(made)[2]).all()
    made = embed(load_dataset("loans", data), data, recipe(model=str(folder), size=1))
    np.testing.assert_array_equal(vectors(made)[[0, 1]], [[1], [1]])
    broken = write_files(tmp_path / "broken", {"modules.json": b"[]"})
    with pytest.raises(InputError, match="cannot be used: no weights\nit must be complete"):
        embed(load_dataset("loans", data), data, recipe(model=str(broken)))


@pytest.mark.usefixtures("library")
def test_minilm_comes_from_its_package_with_the_weights_as_published(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_files(tmp_path / "site" / "made_up_minilm", {"__init__.py": b"raise OSError"})
    with zipfile.ZipFile(package / texts.ARCHIVE, "w") as archive:
        archive.writestr("model.safetensors", "weights")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(texts, "PACKAGE", "made_up_minilm")
    dataset = load_dataset("loans", data)
    with pytest.raises(InputError, match="are not those of minilm"):
        embed(dataset, data, recipe(model="minilm"))
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(texts, "MINILM_SHA256", digest)
    assert vectors(embed(dataset, data, recipe(model="minilm"))).shape == (5, 2)


def test_a_tiny_model_of_the_library_itself(data: Path, tmp_path: Path) -> None:
    """Where the extra [text] is installed: a model made here, saved and read back."""
    pytest.importorskip("sentence_transformers", reason="needs the extra [text]")
    from tests.data.tiny_sentences import save_tiny_model

    save_tiny_model(tmp_path / "tiny")
    made = embed(load_dataset("loans", data), data, recipe(model=str(tmp_path / "tiny"), size=None))
    found = vectors(made)
    assert found.shape == (5, 8)
    np.testing.assert_allclose(np.linalg.norm(found[[0, 1, 3, 4]], axis=1), 1, rtol=1e-5)


def test_minilm_itself(data: Path) -> None:
    """Where the extra [text] is installed: texts of one meaning are alike without a shared word."""
    pytest.importorskip("sentence_transformers", reason="needs the extra [text]")
    found = texts.text_vectors(["The ocean", "Poems", "", "The sea"], texts.MINILM, None, ignore)
    assert found.shape == (4, 384)
    assert np.isnan(found[2]).all()
    np.testing.assert_allclose(np.linalg.norm(found[[0, 1, 3]], axis=1), 1, rtol=1e-5)
    assert found[0] @ found[3] > 0.7 > 0.4 > found[0] @ found[1]


def test_on_the_command_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--data-dir", str(data), "data", "embed", "loans", "--column", "title")
    assert run(*asked, "--size", "2") == 0
    out = capsys.readouterr().out
    assert "item vectors     4 of 5 items (title by tfidf): title_vectors, 2 numbers\n" in out
    assert run(*asked, "--column", "user:age") == 2
    assert "some are of users, some of items" in capsys.readouterr().err
    assert run(*asked, "--as", "title") == 2
    shutil.rmtree(data)
    assert run(*asked) == 2
