"""Other programs, run without holding up keys or the end of the session."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any

from recsys_core.errors import InputError
from recsys_core.reading import shorten

#: seconds that a process has to end by itself
_PATIENCE = 5.0
#: characters of a line at most
_LONGEST_LINE = 2**20
#: exit code where there was not even a process
_NOT_STARTED = 3


@dataclass(frozen=True, slots=True)
class Done:
    """A process that ended."""

    code: int
    output: str
    errors: str

    def complaint(self) -> list[str]:
        """Return what it complains of, and the remedy where it names one.

        One that was killed says nothing: then how it ended.
        """
        lines = [line for line in self.errors.splitlines() if line and not line.startswith("{")]
        first = next((i for i, line in enumerate(lines) if line.startswith("error: ")), 0)
        said = [line.removeprefix("error: ") for line in lines[first : first + 2]]
        return said or [f"its process {self._ending()}"]

    def answer(self) -> Any:
        """Read the JSON that it printed.

        Raises
        ------
        InputError
            It failed, or printed something else.
        """
        if self.code:
            problem, *remedy = self.complaint()
            raise InputError(problem, "".join(remedy))
        try:
            return json.loads(self.output)
        except ValueError:
            begin = shorten(self.output)
            raise InputError(f"what it printed is not an answer: {begin}") from None

    def _ending(self) -> str:
        if self.code >= 0:
            return f"ended with exit code {self.code}"
        return f"was ended by {signal.Signals(-self.code).name}"


async def run_process(command: Sequence[str]) -> Done:
    """Run a command of this program and wait for its end; it survives the session's.

    A process of asyncio's would not: it is killed when its loop is closed. Neither would one that
    says something through a pipe which nobody holds any longer.
    """
    with TemporaryFile() as output, TemporaryFile() as errors:
        try:
            process = _start(command, output, errors)
        except OSError as error:
            return _not_started(error)
        await _in_thread(process.wait)
        return Done(process.returncode, _read(output), _read(errors))


def _start(command: Sequence[str], output: IO[bytes], errors: IO[bytes] | int) -> Popen[bytes]:
    return Popen(  # noqa: S603 - this program itself
        command, stdin=DEVNULL, stdout=output, stderr=errors, start_new_session=True
    )


async def _in_thread(work: Callable[[], object]) -> None:
    """Wait for work that a thread does; unlike one of asyncio's it holds up no end of a session."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def run() -> None:
        work()
        with suppress(RuntimeError):  # the session ended first
            loop.call_soon_threadsafe(ended.set)

    Thread(target=run, daemon=True).start()
    await ended.wait()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()


async def follow_process(command: Sequence[str], on_line: Callable[[str], None]) -> Done:
    """Run a command of this program whose progress is shown; whoever is cancelled here ends it.

    A thread waits, since a process of asyncio's complains when its loop is closed before its pipes.

    Parameters
    ----------
    on_line
        Takes each line of stderr as it comes.
    """
    loop, lines = asyncio.get_running_loop(), list[str]()

    def hear(line: str) -> None:
        lines.append(line)
        on_line(line)

    with TemporaryFile() as output:
        try:
            process = _start(command, output, PIPE)
        except OSError as error:
            return _not_started(error)
        assert process.stderr is not None
        errors = process.stderr

        def listen() -> None:
            with errors, suppress(RuntimeError):  # the session ended first
                for line in _lines(errors):
                    loop.call_soon_threadsafe(hear, line)
            process.wait()

        try:
            await _in_thread(listen)
        except asyncio.CancelledError:
            await asyncio.to_thread(_end, process)
            raise
        return Done(process.returncode, _read(output), "\n".join(lines))


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Read lines as they come, but those longer than any of ours."""
    whole = True
    while line := stream.readline(_LONGEST_LINE):
        ends = line.endswith(b"\n") or len(line) < _LONGEST_LINE
        if whole and ends:
            yield line.decode(errors="replace").rstrip()
        whole = ends


def _not_started(error: OSError) -> Done:
    """Say that the system gave no process: too many, or no memory."""
    return Done(_NOT_STARTED, "", f"error: no process could be started: {error.strerror or error}")


def _end(process: Popen[bytes]) -> None:
    """End a process and those that it started: first politely."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:  # by now its number may be another's
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutExpired):
            process.wait(_PATIENCE)
