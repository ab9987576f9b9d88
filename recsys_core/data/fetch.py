"""Published data sets from the network: resumable, verified, atomic.

An archive is downloaded to `<data_dir>/downloads/NAME.part` and gets its own name only when it is
complete and its checksum is right. `ml-100k` has a second source, the copy in RecBole's wheel,
for machines that reach a package index and nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import IO

from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import import_dataset
from recsys_core.data.redirects import Redirects, SourceError
from recsys_core.data.registered import DOWNLOADS
from recsys_core.data.sources import SAMPLE, SOURCES, Source
from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.processes import python_command

RECBOLE = "recbole==1.2.1"
RECBOLE_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"

#: seconds without an answer after which a source is given up
TIMEOUT = 15
PIP_TIMEOUT = 300
#: connections that may break off in mid-file before a source is given up; each is resumed
ATTEMPTS = 4
BLOCK = 2**18
#: bytes of a file at most where nothing else is known of it
MOST_BYTES = 2**30
#: bytes per second below which a source is given up, once it had so many seconds
SLOWEST, PATIENCE = 1_000, 60.0

HTTP_OK, HTTP_PARTIAL, HTTP_RANGE = 200, 206, 416


class BrokenOffError(SourceError):
    """The connection ended in mid-file; what arrived is kept and the rest can be asked for."""


def fetch_dataset(name: str, data_dir: Path, on_event: OnEvent = ignore) -> Dataset:
    """Download a published set and register it.

    Raises
    ------
    InputError
        No such set, no source gave it (each is named with the reason), or the data folder cannot
        be written to.
    """
    if name not in SOURCES:
        raise unknown_name("published data set", name, SOURCES)
    source = SOURCES[name]
    folder = data_dir / DOWNLOADS
    failures = []
    for where, get in _ways(source, folder, on_event):
        on_event(Event("fetch", message=f"fetching {name} from {where}"))
        try:
            archive = get()
        except SourceError as error:
            failures.append(f"{where}: {error}")
        except OSError as error:
            raise InputError(
                f"{name} cannot be stored in {folder}: {error.strerror or error}",
                "free some space there or choose another folder with --data-dir",
            ) from error
        else:
            return import_dataset(archive, data_dir, name, on_event=on_event)
    raise InputError(
        f"{name} could not be fetched: {'; '.join(failures)}",
        f"check the network, import a copy (recsys-workbench data import PATH), or use {SAMPLE}",
    )


def _ways(
    source: Source, folder: Path, on_event: OnEvent
) -> Iterator[tuple[str, Callable[[], Path]]]:
    """List the sources of a set in the order in which they are tried."""
    archive = folder / source.url.rsplit("/", 1)[-1]
    most = source.most_bytes
    yield source.url, lambda: download(source.url, archive, source.md5, on_event, most=most)
    if source.name == "ml-100k":
        yield f"{RECBOLE} (package index)", lambda: download_wheel(RECBOLE, RECBOLE_SHA256, folder)


# ------------------------------------------------------------------------------------- from http


def download(
    url: str,
    target: Path,
    md5: str | None,
    on_event: OnEvent = ignore,
    *,
    most: int = MOST_BYTES,
) -> Path:
    """Download a file, going on where an earlier download stopped.

    Parameters
    ----------
    md5
        The checksum it must have; None where its publisher gives none.
    most
        Bytes that it may have.

    Raises
    ------
    SourceError
        The server does not give the file, or gives another one.
    OSError
        It cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with _locked(part) as file:
        if target.exists():  # earlier, or by the process that held the lock
            if md5 is None or _md5(target) == md5:
                return target
            target.unlink()
        resumed = _size(file) > 0
        _complete(url, file, most, on_event)
        if md5 is not None and _md5(part) != md5:
            if resumed:  # the beginning may be of an older file: once more from nothing
                file.truncate(0)
                _complete(url, file, most, on_event)
            found = _md5(part)
            if found != md5:
                part.unlink()
                raise SourceError(f"the file has checksum {found} where {md5} is expected")
        part.replace(target)
    return target


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open `part` for appending; a second process waits here until the first is done."""
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            file.flush()
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _complete(url: str, file: IO[bytes], most: int, on_event: OnEvent) -> None:
    """Append what `file` lacks, resuming when the connection breaks off."""
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(file)
        try:
            _append(url, file, most, on_event)
        except BrokenOffError:
            file.flush()
            if attempt == ATTEMPTS or _size(file) == before:
                raise
        else:
            file.flush()
            return


def _append(url: str, file: IO[bytes], most: int, on_event: OnEvent) -> None:
    """Ask once for everything after what `file` has."""
    start = _size(file)
    if not url.startswith(("https://", "http://")):
        raise SourceError("only http and https addresses are fetched")
    request = urllib.request.Request(url, headers={"User-Agent": "recsys-workbench"})  # noqa: S310
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        opener = urllib.request.build_opener(Redirects(url))
        with opener.open(request, timeout=TIMEOUT) as response:
            if start and not _continues(response, start):
                file.truncate(0)
                start = 0
            _copy(response, file, start, most, on_event)
    except urllib.error.HTTPError as error:
        if error.code == HTTP_RANGE and start:
            if error.headers.get("Content-Range", "") == f"bytes */{start}":
                return  # everything is there already
            file.truncate(0)
            raise BrokenOffError("the partial file was longer than the whole one") from None
        reason = shorten(_reason(error.reason))
        raise SourceError(f"the server answers {error.code} {reason}") from None
    except (urllib.error.URLError, TimeoutError, http.client.HTTPException, ValueError) as error:
        raise SourceError(_why(error)) from None


def _why(error: Exception) -> str:
    """Say why a server gave nothing."""
    if isinstance(error, urllib.error.URLError):
        return _reason(error.reason)
    if isinstance(error, http.client.HTTPException):
        return f"the answer is not HTTP: {type(error).__name__}"
    if isinstance(error, ValueError):
        return f"it redirects to no address: {shorten(error)}"
    return _reason(error)


def _continues(response: http.client.HTTPResponse, start: int) -> bool:
    """Whether the answer begins where the file ends; a server may ignore the request for it."""
    given = response.headers.get("Content-Range", "")
    return response.status == HTTP_PARTIAL and given.startswith(f"bytes {start}-")


def _copy(
    response: http.client.HTTPResponse, file: IO[bytes], start: int, most: int, on_event: OnEvent
) -> None:
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() and len(length) < 19 else None
    done = told = start
    begun = monotonic()
    _check_size(file, total or 0, most)
    while True:
        try:
            block = response.read1(BLOCK)  # what has arrived, so that a slow server is noticed
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(f"broke off after {done:,} bytes: {_reason(error)}") from None
        if not block:
            break
        file.write(block)
        done += len(block)
        _check_size(file, done, most)
        seconds = monotonic() - begun
        if seconds > PATIENCE and done - start < SLOWEST * seconds:
            raise SourceError(f"it is too slow: {done - start:,} bytes in {seconds:.0f} seconds")
        if done - told >= BLOCK or done == total:
            on_event(Event("fetch", done, total))
            told = done
    if total is not None and done < total:
        raise BrokenOffError(f"broke off after {done:,} of {total:,} bytes")


def _check_size(file: IO[bytes], size: int, most: int) -> None:
    if size > most:
        file.truncate(0)
        raise SourceError(f"it sends more than {most / 1e6:,.0f} MB, which this set cannot have")


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {TIMEOUT} seconds"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


# --------------------------------------------------------------------------- from a package index


def download_wheel(requirement: str, sha256: str, folder: Path) -> Path:
    """Let pip download the wheel of one package, without what it depends on.

    Raises
    ------
    SourceError
        pip is missing, did not find or get it, or got another one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = requirement.replace("==", "-")
    for wheel in sorted(folder.glob(f"{stem}-*.whl")):
        if _sha256(wheel) == sha256:
            return wheel
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pip-") as scratch:
        command = python_command("-m", "pip", "download", "--no-deps", "--only-binary=:all:")
        command += ["--no-input", "--disable-pip-version-check", "--quiet", "--dest", scratch]
        try:
            done = subprocess.run(  # noqa: S603
                [*command, requirement],
                capture_output=True,
                text=True,
                timeout=PIP_TIMEOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceError(f"pip did not end within {PIP_TIMEOUT} seconds") from None
        wheels = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise SourceError(lines[-1] if lines else done.stderr.strip()[-200:] or "pip failed")
        found = _sha256(wheels[0])
        if found != sha256:
            raise SourceError(f"the wheel has checksum {found} where {sha256} is expected")
        return wheels[0].replace(folder / wheels[0].name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
