"""Other programs, run without holding up keys or the end of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE


@dataclass(frozen=True, slots=True)
class Done:
    """A process that ended."""

    code: int
    output: str
    errors: str


async def run_process(command: Sequence[str]) -> Done:
    """Run a command of this program and wait for its end; it survives the session's."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    output, errors = await process.communicate()
    texts = (part.decode(errors="replace").strip() for part in (output, errors))
    return Done(process.returncode or 0, *texts)
