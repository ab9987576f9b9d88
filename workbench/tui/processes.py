"""Other programs, run without holding up keys or the end of the session."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE

#: seconds that a process has to end by itself
_PATIENCE = 5.0
#: characters of a line at most
_LONGEST_LINE = 2**20


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


async def follow_process(command: Sequence[str], on_line: Callable[[str], None]) -> Done:
    """Run a command of this program whose progress is shown; whoever is cancelled here ends it.

    Parameters
    ----------
    on_line
        Takes each line of stderr as it comes.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
        limit=_LONGEST_LINE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = process.stderr

    async def listen() -> str:
        lines = []
        async for line in errors:
            lines.append(line.decode(errors="replace").rstrip())
            on_line(lines[-1])
        return "\n".join(lines)

    try:
        output, said = await asyncio.gather(process.stdout.read(), listen())
        return Done(await process.wait(), output.decode(errors="replace").strip(), said)
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: Process) -> None:
    """End a process and those that it started: first politely."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE)
            return
