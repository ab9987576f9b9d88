"""Vectors of items and users beside the events: what is read, aligned, counted and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data.dataset import Dataset, Vectors
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.registered import META
from recsys_core.errors import InputError
from tests.data.files import write_files
from tests.data.test_command import run

LOANS = b"user,book_id,rating\n1,b1,5\n1,b2,4\n2,b1,3\n2,b3,4\n"
IDS = np.array(["b3", "b1", "b9"])
MATRIX = np.array([[3.0, 0.5], [1.0, -1.0], [9.0, 9.0]])
#: of b1, b2 and b3, the second without one
ALIGNED = [[1.0, -1.0], [np.nan, np.nan], [3.0, 0.5]]


def load(folder: Path, *vectors: str, **options: Any) -> Dataset:
    write_files(folder, {"loans.csv": LOANS})
    said = ImportOptions(vectors=vectors, **options)
    return import_dataset(folder / "loans.csv", folder / "data", "loans", said)


def values(dataset: Dataset, name: str = "text", side: str = "item") -> NDArray[Any]:
    column = dataset.columns[side][name]
    assert isinstance(column, Vectors)
    assert column.values.dtype == np.float32
    return column.values


def summary(folder: Path) -> Any:
    return json.loads((folder / "data" / "loans" / META).read_text())["summary"]["vectors"]


def npz(path: Path, **arrays: Any) -> None:
    np.savez(path, **{"ids": IDS, "vectors": MATRIX, **arrays})


def test_vectors_stand_in_the_order_of_the_items_and_missing_ones_are_counted(
    tmp_path: Path,
) -> None:
    npz(tmp_path / "v.npz")
    dataset = load(tmp_path, f"text={tmp_path / 'v.npz'}")
    np.testing.assert_array_equal(values(dataset), ALIGNED)
    counts = {"file": "v.npz", "rows": 3, "matched": 2, "of": 3, "length": 2}
    assert summary(tmp_path) == [{"side": "item", "name": "text", **counts}]
    again = load_dataset("loans", tmp_path / "data")
    np.testing.assert_array_equal(values(again), ALIGNED)
    assert again.fingerprint == dataset.fingerprint
    assert again.fingerprint != load(tmp_path).fingerprint


def test_items_of_the_table_have_vectors_too(tmp_path: Path) -> None:
    npz(tmp_path / "v.npz")
    write_files(tmp_path, {"t.csv": b"item,title\nb9,Nine\nb1,One\n"})
    dataset = load(tmp_path, f"text={tmp_path / 'v.npz'}", items=str(tmp_path / "t.csv"))
    np.testing.assert_array_equal(values(dataset), [*ALIGNED, [9, 9]])


def of_archive(path: Path) -> str:
    np.savez_compressed(path / "v.npz", names=IDS.astype("S"), of=MATRIX.astype(np.float16))
    return f"text={path / 'v.npz'}"


def of_named_arrays(path: Path) -> str:
    np.savez(path / "v.npz", a=IDS, b=IDS[::-1], c=MATRIX, d=MATRIX[::-1])
    return f"text={path / 'v.npz'},id=a,vector=c"


def of_a_matrix(path: Path) -> str:
    np.save(path / "v.npy", MATRIX)
    (path / "ids.txt").write_text("b3\nb1\nb9\n")
    return f"text={path / 'v.npy'},ids={path / 'ids.txt'}"


def of_two_arrays(path: Path) -> str:
    np.save(path / "v.npy", np.asfortranarray(MATRIX.astype(np.float32)))
    np.save(path / "i.npy", IDS)
    return f"item:text={path / 'v.npy'},ids={path / 'i.npy'}"


def table(path: Path, vectors: list[Any], kind: Any = None, ids: list[Any] | None = None) -> str:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"book_id": ids or IDS.tolist(), "v": pa.array(vectors, kind and kind(pa))}
    parquet.write_table(pa.table(columns), path / "v.parquet")
    return f"text={path / 'v.parquet'}"


def of_a_table(path: Path) -> str:
    return table(path, MATRIX.tolist())


def of_lists_of_one_length(path: Path) -> str:
    return table(path, MATRIX.tolist(), lambda pa: pa.list_(pa.float32(), 2))


def of_a_table_with_gaps(path: Path) -> str:
    return table(path, [*MATRIX.tolist(), None], ids=[*IDS.tolist(), "b2"])


@pytest.mark.parametrize(
    "make",
    [
        *(of_archive, of_named_arrays, of_a_matrix, of_two_arrays),
        *(of_a_table, of_lists_of_one_length, of_a_table_with_gaps),
    ],
)
def test_forms_of_vectors(tmp_path: Path, make: Callable[[Path], str]) -> None:
    np.testing.assert_array_equal(values(load(tmp_path, make(tmp_path))), ALIGNED)


def test_users_have_vectors_and_ids_may_be_numbers(tmp_path: Path) -> None:
    npz(tmp_path / "v.npz", ids=np.array([2.0, 1.0, 7.0]))
    dataset = load(tmp_path, f"user:taste={tmp_path / 'v.npz'}")
    np.testing.assert_array_equal(values(dataset, "taste", "user"), [[1, -1], [3, 0.5]])


def arrays(**changed: Any) -> Callable[[Path], str]:
    def make(path: Path) -> str:
        npz(path / "v.npz", **changed)
        return f"text={path / 'v.npz'}"

    return make


def lists(vectors: list[Any], **changed: Any) -> Callable[[Path], str]:
    return lambda path: table(path, vectors, **changed)


def content(name: str, text: bytes, rest: str = "") -> Callable[[Path], str]:
    def make(path: Path) -> str:
        (path / name).write_bytes(text)
        return f"text={path / name}{rest}"

    return make


def zeros(path: Path) -> str:
    """Pack 40 MB of zeros into a few kilobytes."""
    np.savez_compressed(path / "v.npz", ids=np.arange(100), vectors=np.zeros((100, 50_000)))
    return f"text={path / 'v.npz'}"


def two_matrices(path: Path) -> str:
    np.savez(path / "v.npz", ids=IDS, a=MATRIX, b=MATRIX)
    return f"text={path / 'v.npz'}"


def pickled(path: Path) -> str:
    np.savez(path / "v.npz", ids=IDS.astype(object), vectors=MATRIX)
    return f"text={path / 'v.npz'}"


REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "not a number": (arrays(vectors=MATRIX * [1, np.nan]), r"row 1: id b3 has nan among"),
    "infinite": (
        arrays(vectors=MATRIX * [1, np.inf]),
        r"row 1: id b3 has inf among its numbers; such rows in all: 3",
    ),
    "too large": (arrays(vectors=MATRIX * 1e300), "id b3 has inf among"),
    "an id twice": (arrays(ids=np.array(["b1", "b2", "b1"])), "row 3: id b1 is there twice"),
    "no id": (arrays(ids=np.array(["b1", "", "b3"])), "row 2: the id is missing"),
    "ids of nobody": (arrays(ids=np.array(["x", "y", "z"])), "none of its 3 items .* 'x', .* 'b1'"),
    "fewer ids": (arrays(ids=IDS[:2]), "3 vectors, 2 ids"),
    "no vectors": (arrays(ids=IDS[:0], vectors=MATRIX[:0]), "there are no vectors"),
    "empty vectors": (arrays(vectors=MATRIX[:, :0]), r"float64 of shape \(3, 0\)"),
    "text": (arrays(vectors=np.array([["a"]] * 3)), r"are <U1 of shape \(3, 1\)"),
    "truth values": (arrays(vectors=MATRIX > 0), "are bool of shape"),
    "complex numbers": (arrays(vectors=MATRIX * 1j), "are complex128 of shape"),
    "ids that are fractions": (arrays(ids=np.array([0.5, 1, 2])), "ids are float64"),
    "ids in a matrix": (arrays(ids=MATRIX), r"ids have the shape \(3, 2\)"),
    "a vector in one dimension": (arrays(vectors=MATRIX[:, 0]), r"of shape \(3,\)"),
    "which arrays": (
        two_matrices,
        r"which array holds the vectors\? It has ids \(3,\), a \(3, 2\), b \(3, 2\)\nsay it",
    ),
    "Python objects": (pickled, r"Python objects.*\nsave ids as text"),
    "zeros without end": (zeros, "unpacks to far more than it weighs"),
    "no zip": (content("v.npz", b"PK\x03\x04" + b"x" * 100), "not an archive of arrays"),
    "a matrix without ids": (content("v.npy", b""), "an npy file has no ids\nsay where"),
    "no matrix": (content("v.npy", b"x", ",ids={}/v.npy"), "v.npy: not an array"),
    "another file": (content("v.csv", b"a,b\n"), r"vectors are read from \.npz, \.npy, \.parquet"),
    "no parquet": (content("v.parquet", b"PAR1"), "not a readable parquet file"),
    "lists of several lengths": (lists([[1.0], [1.0, 2.0], [3.0]]), "have 1 to 2 numbers"),
    "a gap in a list": (lists([[1.0], [None], [3.0]]), "a number of a vector is missing"),
    "lists of lists": (lists([[[1.0]], [[1.0]], [[2.0]]]), "vector column holds list<.*list<"),
    "lists of text": (lists([["a"], ["b"], ["c"]]), "not lists of numbers\n.*vector=COLUMN"),
    "no lists": (lists([1.0, 2.0, 3.0]), "which column has the vectors.* It has book_id, v\nsay"),
    "no ids in a table": (lists([[1.0]] * 3, ids=["b1", None, "b3"]), "an id is missing"),
    "no such file": (lambda path: f"text={path / 'v.npz'}", "no such file: .*v.npz"),
    "an array that is not there": (
        lambda path: arrays()(path) + ",vector=vectorz",
        "unknown array of .* 'vectorz'\ndid you mean 'vectors'",
    ),
    "nonsense": (lambda path: "text", r"vectors 'text': not \[user:\]NAME=FILE\ne\.g\."),
    "of a shop": (lambda path: "shop:a=b.npz", r"not \[user:\]NAME=FILE"),
    "no such word": (lambda path: arrays()(path) + ",key=ids", "'key=ids' is not id=NAME"),
    "ids for an archive": (lambda path: arrays()(path) + ",ids=x", "ids=FILE goes with a .npy"),
}


@pytest.mark.parametrize(("make", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_vectors_that_cannot_be_right_are_refused(
    tmp_path: Path, make: Callable[[Path], str], says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        load(tmp_path, make(tmp_path).replace("{}", str(tmp_path)))
    assert caught.value.remedy
    assert "\n" not in caught.value.problem
    assert not list(tmp_path.glob("data/*"))


def test_names_are_taken_once(tmp_path: Path) -> None:
    npz(tmp_path / "v.npz")
    one = f"text={tmp_path / 'v.npz'}"
    with pytest.raises(InputError, match="items have 'text' already\ngive the vectors another"):
        load(tmp_path, one, one)
    npz(tmp_path / "u.npz", ids=np.array([1, 2, 3]))
    load(tmp_path, one, f"user:text={tmp_path / 'u.npz'}")  # of the other side
    write_files(tmp_path, {"t.csv": b"item,text\nb1,one\n"})
    with pytest.raises(InputError, match="items have 'text' already"):
        load(tmp_path, one, items=str(tmp_path / "t.csv"))


def test_on_the_command_line_and_made_again_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tmp_path / "data")
    monkeypatch.chdir(write_files(tmp_path / "raw", {"loans.csv": LOANS}))
    of_a_matrix(Path())
    npz(Path("users.npz"), ids=np.array([1, 2, 3]))
    asked = ("--vectors", "text=v.npy,ids=ids.txt", "--vectors", "user:taste=users.npz")
    assert run("--data-dir", data, "data", "import", "loans.csv", *asked) == 0
    out = capsys.readouterr().out
    assert "item vectors   2 of 3 items (v.npy has 3 rows): text, 2 numbers\n" in out
    assert "user vectors   2 of 2 users (users.npz has 3 rows): taste, 2 numbers\n" in out
    assert run("--data-dir", data, "data", "describe", "loans") == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "item text" in line)
    assert line.split() == ["item", "text", "vector", "2", "33.3%"]
    (tmp_path / "data" / "loans" / "columns" / "user.npy").unlink()
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(values(load_dataset("loans", Path(data))), ALIGNED)
    monkeypatch.chdir(tmp_path / "raw")
    assert run("--data-dir", data, "data", "import", "loans.csv", "--vectors", "text=x.npz") == 2
    assert capsys.readouterr().err.startswith("error: no such file: ")
