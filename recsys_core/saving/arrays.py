"""Arrays of a saved model, which may be foreign: nothing is used before it is what was expected.

SciPy, torch and faiss follow indices without looking: one that is out of range reads, or ends the
process, wherever it points. So every array is taken from the file through this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
#: where some arrays have 32 and others 64 bits, and for any number
INTEGER: type[Any] = np.signedinteger
NUMBER: type[Any] = np.number


def take(
    arrays: Arrays,
    name: str,
    kind: type[Any],
    shape: tuple[int | None, ...],
    *,
    lowest: float | None = None,
    below: int | None = None,
    finite: bool = True,
) -> NDArray[Any]:
    """Take an array of a known type and shape, and check its values.

    Parameters
    ----------
    kind
        NumPy's type, or an abstract one such as `INTEGER`.
    shape
        None: any length.
    lowest, below
        Bounds of the values: from `lowest` on, less than `below`; None: any.
    finite
        Whether infinite numbers and NaN are refused.

    Raises
    ------
    KeyError
        There is no such array.
    ValueError
        It is not what it should be.
    """
    array = arrays[name]
    if not np.issubdtype(array.dtype, kind) or not array.dtype.isnative:
        raise ValueError(f"{name} is an array of {array.dtype}, {kind.__name__} was expected")
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if length is None else f"{length:,}" for length in shape)
        raise ValueError(f"{name} has the shape {array.shape}, ({expected}) was expected")
    if array.size == 0 or array.dtype == np.bool_:
        return array
    least, most = array.min(), array.max()  # both are NaN where any is
    if finite and not (np.isfinite(least) and np.isfinite(most)):
        raise ValueError(f"{name} has values that are not finite")
    if lowest is not None and least < lowest:
        raise ValueError(f"{name} has {least:,}, {lowest:,} is the least there can be")
    if below is not None and most >= below:
        raise ValueError(f"{name} has {most:,}, there are {below:,}")
    return array


def take_offsets(
    arrays: Arrays, name: str, rows: int | None, entries: int
) -> NDArray[np.signedinteger]:
    """Take where each of `rows` begins, and the last ends, among `entries`.

    Raises
    ------
    KeyError, ValueError
        As `take`; or it does not rise from 0 to `entries`.
    """
    offsets = take(arrays, name, INTEGER, (None if rows is None else rows + 1,))
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != entries:
        raise ValueError(f"{name} does not lead from 0 to {entries:,}")
    if (offsets[1:] < offsets[:-1]).any():
        raise ValueError(f"{name} falls")
    return offsets


def take_matrix(arrays: Arrays, names: tuple[str, str, str], shape: tuple[int, int]) -> Any:
    """Take a sparse matrix of float32.

    Parameters
    ----------
    names
        Of the arrays `data`, `indices` and `indptr` of a csr_matrix.

    Raises
    ------
    KeyError, ValueError
        As `take` and `take_offsets`.
    """
    import scipy.sparse as sp  # slow to import, and not every model has a matrix

    data, indices, offsets = names
    columns = take(arrays, indices, INTEGER, (None,), lowest=0, below=shape[1])
    values = take(arrays, data, np.float32, (len(columns),))
    rows = take_offsets(arrays, offsets, shape[0], len(columns))
    return sp.csr_matrix((values, columns, rows), shape=shape)
