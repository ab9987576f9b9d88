"""Python processes that this program starts: none of them runs code of the working folder."""

from __future__ import annotations

import sys

#: exit code of one of several processes at work on a job, which ended because another one did
BEREFT = 75


def python_command(*arguments: str) -> list[str]:
    """Put together a command line of this Python: ``python_command("-m", "pip", "download")``.

    ``-P`` leaves out the folder that Python otherwise looks into first, which with ``-m`` and
    ``-c`` is the working folder: a ``pip.py`` in a folder of somebody's data stays a file. ``-I``
    would also ignore ``PYTHONPATH`` and the packages of ``pip install --user``, where plug-ins and
    this program itself may lie.
    """
    return [sys.executable, "-P", *arguments]
