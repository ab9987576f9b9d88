"""What every reader of an extension must do."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

from recsys_core.data.archive import RawFile
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import import_dataset
from recsys_core.data.readers import Reader, find_reader
from recsys_core.errors import InputError
from recsys_core.testing.checks import hold

#: places at which files are cut, as shares of their length
_CUTS = (0.2, 0.5, 0.9, 0.99)


def check_reader(name: str, content: bytes, *, events: int) -> None:
    """Check a registered reader on a file of its format.

    `data import` takes the file under each suffix, gzipped too, and finds its events, the same ones
    each time; of a file that is cut off, empty or of another kind it makes fewer events or an
    error that names the file, never an exception of another kind.

    Parameters
    ----------
    content
        A small file of the format.
    events
        How many events it holds.

    Raises
    ------
    AssertionError
        It does not; the message says what it does instead.
    """
    reader = find_reader(name)
    if reader is None:
        raise AssertionError(f"no extension has registered a reader '{name}'")
    hold(reader.title.strip(), f"reader '{name}' has no title")
    hold(reader.suffixes, f"reader '{name}' has no suffixes: no file is ever given to it")
    with TemporaryDirectory() as folder:
        fingerprints = set()
        for suffix in reader.suffixes:
            for ending, written in (("", content), (".gz", gzip.compress(content))):
                path = Path(folder, f"checked{suffix}{ending}")
                path.write_bytes(written)
                found = _imported(reader, path, Path(folder, "data"))
                hold(
                    found.n_interactions == events,
                    f"{path.name}: {found.n_interactions} events, not {events}",
                )
                fingerprints.add(found.fingerprint)
        hold(len(fingerprints) == 1, "the same content under another name gives other events")
        _check_damaged(reader, content, Path(folder, f"damaged{reader.suffixes[0]}"))


def _imported(reader: Reader, path: Path, data_dir: Path) -> Dataset:
    hold(
        reader.takes(RawFile(path.parent, path.name, zipped=False)),
        f"{reader.where} does not recognise {path.name}",
    )
    try:
        return import_dataset(path, data_dir, "checked")
    except InputError as error:
        raise AssertionError(str(error)) from error


def _check_damaged(reader: Reader, content: bytes, path: Path) -> None:
    damaged = {
        f"cut off after {share:.0%}": content[: int(share * len(content))] for share in _CUTS
    }
    damaged |= {
        "empty": b"",
        "of zeros": bytes(len(content)),
        "of other bytes": bytes(255 - byte for byte in content),
        "with a line of text": content + b"\nthis is no such line\n",
    }
    for what, written in damaged.items():
        path.write_bytes(written)
        try:
            reader.read(RawFile(path.parent, path.name, zipped=False))
        except InputError as error:
            hold(path.name in str(error), f"a file {what}: the error does not name it: {error}")
        except Exception as error:
            raise AssertionError(
                f"a file {what}: {type(error).__name__}: {error}; raise a DataError that names file"
                " and line"
            ) from error
