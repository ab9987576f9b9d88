"""Writing where nobody reads, and where nothing fits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from workbench.store.streams import Unread


def test_what_nobody_reads_is_dropped() -> None:
    reader, writer = os.pipe()
    with Unread(writer) as stream:
        assert stream.write(b"read") == 4
        assert os.read(reader, 10) == b"read"
        os.close(reader)
        assert stream.write(b"unread") == 6
    os.close(writer)


def test_a_full_disk_is_raised_unless_it_is_spared() -> None:
    with Path("/dev/full").open("wb") as full:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            Unread(full.fileno()).write(b"result")
        assert Unread(full.fileno(), OSError).write(b"progress") == 8
