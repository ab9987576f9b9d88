"""What runs of one split have in common, kept on the disk once: the histories beside their models.

They are hard links, so every run folder is whole: it can be copied, moved and removed on its own.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from recsys_core.run_folder import HISTORY, MODEL
from recsys_core.saving.replace import PARTIAL


def share_history(folder: Path) -> None:
    """Replace the histories of a run by those of another run beside it, where they are the same.

    Where the disk has no hard links, nothing happens.

    Parameters
    ----------
    folder
        The run's, whose model is complete.
    """
    own = folder / MODEL / HISTORY
    size = _size(own)
    if not size:
        return
    for other in sorted(folder.parent.iterdir(), reverse=True):  # the latest first
        theirs = other / MODEL / HISTORY
        if other.name == folder.name or _size(theirs) != size:
            continue
        partial = own.with_name(f"{HISTORY}.{secrets.token_hex(6)}{PARTIAL}")
        with suppress(OSError):
            if filecmp.cmp(own, theirs, shallow=False):
                os.link(theirs, partial)
                partial.replace(own)
                return


def _size(path: Path) -> int:
    """Measure a plain file; 0: there is none."""
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            return found.st_size
    return 0
