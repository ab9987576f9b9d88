"""Headers of arrays: what NumPy wrote is what is read; the rest is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recsys_core.npy_header import read_header

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
RECORDS = np.dtype([("user", "<i4"), ("value", "f8")])
TYPES = st.one_of(arrays.scalar_dtypes(), st.just(RECORDS))


def _written(array: np.ndarray[Any, Any], version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


@settings(max_examples=40)
@given(SHAPES, TYPES, st.booleans(), st.sampled_from([(1, 0), (2, 0)]))
def test_a_header_says_what_numpy_wrote(
    shape: tuple[int, ...], dtype: np.dtype[Any], fortran: bool, version: tuple[int, int]
) -> None:
    array = np.zeros(shape, dtype, order="F" if fortran else "C")
    file = io.BytesIO(_written(array, version))
    header = read_header(file)
    assert (header.shape, header.dtype) == (array.shape, array.dtype)
    assert header.is_fortran == (array.flags.f_contiguous and not array.flags.c_contiguous)
    assert header.size == array.nbytes == len(file.read())  # what follows is the content


def test_plain_headers_are_read_without_pythons_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("another thread may be parsing")

    monkeypatch.setattr("ast.parse", refuse)
    for array in (np.zeros((3, 4), np.float32), np.zeros(()), np.array(["a", "łódź"])):
        assert read_header(io.BytesIO(_written(array))).shape == array.shape
    with pytest.raises(AssertionError):  # records are NumPy's to read
        read_header(io.BytesIO(_written(np.zeros(2, RECORDS))))


@pytest.mark.parametrize(
    "head",
    [
        "{'descr': 'nothing', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3), }",
        "{'descr': '<f4', 'fortran_order': 2, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
        "[" * 5000,
        "",
    ],
    ids=["type", "shape", "order", "another key", "brackets", "nothing"],
)
def test_what_is_no_header_is_refused(head: str) -> None:
    content = head.encode() + b"\n"
    magic = np.lib.format.magic(1, 0)
    with pytest.raises(ValueError, match=r"."):
        read_header(io.BytesIO(magic + len(content).to_bytes(2, "little") + content))


def test_python_objects_are_not_read() -> None:
    with pytest.raises(ValueError, match="Python objects"):
        read_header(io.BytesIO(_written(np.array([None]))))
