"""Mapped archives of arrays: what was written comes back, whoever wrote it; the rest is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recsys_core.saving.npz import ALIGN, map_arrays, write_arrays

ARRAYS = {
    "flags": np.array([True, False, True]),
    "module.weight": np.arange(35, dtype=np.float32).reshape(5, 7),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "one": np.array(3, dtype=np.int64),
    "none": np.empty((0, 4), dtype=np.int32),
    "text": np.array(["a", "łódź"]),
}


def assert_same(arrays: dict[str, np.ndarray]) -> None:
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_arrays_come_back_aligned(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS)
    arrays = map_arrays(tmp_path / "a.npz")
    assert_same(arrays)
    assert {array.ctypes.data % ALIGN for array in arrays.values()} == {0}


def test_files_are_those_of_numpy(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert_same(dict(file))
    np.savez(tmp_path / "b.npz", allow_pickle=False, **ARRAYS)
    arrays = map_arrays(tmp_path / "b.npz")
    assert_same(arrays)
    assert all(array.flags.aligned for array in arrays.values())


def test_changes_do_not_reach_the_file(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS)
    map_arrays(tmp_path / "a.npz")["module.weight"][:] = 0
    assert_same(map_arrays(tmp_path / "a.npz"))


def test_arrays_outlive_a_file_that_is_replaced(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS)
    arrays = map_arrays(tmp_path / "a.npz")
    write_arrays(tmp_path / "b.npz", {"other": np.zeros(1000)})
    (tmp_path / "b.npz").replace(tmp_path / "a.npz")
    assert_same(arrays)


def test_python_objects_and_compressed_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", a=np.array([{}, None], dtype=object))
    with pytest.raises(ValueError, match=r"a\.npy: it holds Python objects"):
        map_arrays(tmp_path / "objects.npz")
    np.savez_compressed(tmp_path / "small.npz", allow_pickle=False, **ARRAYS)
    with pytest.raises(ValueError, match="not what was written"):
        map_arrays(tmp_path / "small.npz")


def test_flipped_bytes_are_noticed_or_harmless(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS)
    content = (tmp_path / "a.npz").read_bytes()
    refused = 0
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "b.npz").write_bytes(damaged)
        try:
            arrays = map_arrays(tmp_path / "b.npz")
        except ValueError:
            refused += 1
            continue
        for name, array in arrays.items():  # padding, dates or a name
            np.testing.assert_array_equal(array, ARRAYS.get(name, array))
    assert refused > 100


@pytest.mark.parametrize("head", [b"(" * 400, b"{'a" + b'"' * 7, b"\n  x\n y\n", b"\0" * 9])
def test_a_header_that_nobody_wrote_in_earnest_is_refused(tmp_path: Path, head: bytes) -> None:
    with (tmp_path / "a.npz").open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        npy = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head
        archive.writestr("a.npy", npy)
    with pytest.raises(ValueError, match=r"."):
        map_arrays(tmp_path / "a.npz")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="not a regular file"):
        map_arrays(tmp_path / "a.npz")


#: each collection of garbage lets the other thread run, some while the first is in the parser:
#: which, that depends on the threshold, so that twenty processes have one each
_TWO_THREADS = """
import gc, os, sys, threading, time
from pathlib import Path
from recsys_core.saving.npz import map_arrays

def read(depth):
    if depth:
        return read(depth - 1)
    map_arrays(Path(sys.argv[1]))

def race(threshold):
    gc.callbacks.append(lambda phase, info: time.sleep(1e-4))
    gc.set_threshold(threshold, 1000, 1000)
    threads = [threading.Thread(target=read, args=(depth,)) for depth in (0, 40)]
    for each in threads: each.start()
    for each in threads: each.join()
    sys.stderr.flush()
    os._exit(0)

gc.freeze()
for threshold in range(20, 220, 10):
    child = os.fork() or race(threshold)
    os.waitpid(child, 0)
"""


def test_two_threads_read_at_once(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", {"a": np.zeros((3, 4))})
    line = [sys.executable, "-W", "ignore", "-c", _TWO_THREADS, str(tmp_path / "a.npz")]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stderr == ""
