"""The reader of a job's events file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.execute.events import (
    Awaiting,
    CommandEnded,
    CommandOutput,
    CommandSkipped,
    CommandStarted,
    Decided,
    Ended,
    Event,
    Locked,
    Started,
    TookOver,
    number,
)
from runner.execute.frames import Decoder, Frame
from runner.execute.records import CommandRecord
from runner.execute.statuses import Decider, Decision, JobStatus

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Journal", "reported_status"]

_OF_EVERY_JOB = frozenset({"check", "cleanup", "await", "-"})
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}")
_WHY = re.compile(r"-|[a-z]{1,20}")
_DECIDERS = frozenset(Decider)
_MOST_COMMANDS = 1000
"""For a job whose commands are not known here."""


def reported_status(word: str) -> JobStatus | None:
    """The status that a host reports with this word; None for any other word."""
    status = JobStatus(word) if word in frozenset(JobStatus) else None
    return status if status and status.is_reported else None


@dataclass(slots=True)
class _Running:
    code: int | None = None
    why: str = ""
    seconds: float = 0.0
    output: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    size: int = 0


class Journal:
    """Reads a job's events file from its first byte, over any number of connections. Does no I/O.

    Frames that it cannot parse are ignored: a full disk may have cut one short. An event that is repeated is
    returned once.
    """

    def __init__(
        self,
        nonce: str,
        *,
        cap: int = 1 << 20,
        kept: int = 64 << 20,
        known: Collection[str] | None = None,
        frames: int = 20_000,
    ) -> None:
        """Create a reader for the frames under `nonce`.

        Args:
            nonce: The job's nonce.
            cap: Bytes of output kept of each command.
            kept: Bytes of output kept of all commands together.
            known: The ids of the job's commands; None accepts any valid id.
            frames: The most frames to parse.
        """
        self.offset = 0
        """Bytes of the events file read so far."""
        self.ended: Ended | None = None
        self.awaiting: Awaiting | None = None
        self.decided: Decided | None = None
        self.lock: Locked | None = None
        self._decoder = Decoder(nonce)
        self._cap = cap
        self._room = kept
        self._known = None if known is None else frozenset(known)
        self._frames = frames
        self._commands: dict[str, _Running] = {}
        self._current = ""
        self._error = False

    def read(self, data: bytes) -> list[Event]:
        """Parse the next bytes of the file."""
        self.offset += len(data)
        events: list[Event] = []
        for piece in self._decoder.feed(data):
            if isinstance(piece, Frame):
                event = self._parse(piece.words) if self._frames > 0 else None
                self._frames -= 1
                if event is not None:
                    events.append(event)
            elif self._current:
                self._keep(piece)
                events.append(CommandOutput(self._current, piece, self._error))
        return events

    @property
    def exhausted(self) -> bool:
        """Whether more frames arrived than any job has; further frames are ignored."""
        return self._frames <= 0

    def commands(self) -> dict[str, CommandRecord]:
        """The results so far."""
        return {
            name: CommandRecord(
                name,
                running.code,
                running.why,
                running.seconds,
                bytes(running.output),
                bytes(running.error),
                truncated=running.truncated,
                size=running.size,
            )
            for name, running in self._commands.items()
        }

    def _keep(self, data: bytes) -> None:
        running = self._commands[self._current]
        kept = running.error if self._error else running.output
        room = max(min(self._cap - len(kept), self._room), 0)
        kept += data[:room]
        self._room -= min(len(data), room)
        running.truncated |= len(data) > room
        running.size += 0 if self._error else len(data)

    def _is_known(self, command: str) -> bool:
        if command in self._commands or command in _OF_EVERY_JOB:
            return True
        if self._known is not None:
            return command in self._known
        return len(self._commands) < _MOST_COMMANDS and _ID.fullmatch(command) is not None

    def _parse(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["begin" | "stderr" | "end" | "skip" | "died", command, *_]:
                return self._parse_command(words) if self._is_known(command) else None
            case ["job", pid]:
                return Started(number(pid))
            case ["lock", generation]:
                self.lock = Locked(number(generation))
                return self.lock
            case ["locked", owner, seconds]:
                self.lock = Locked(owner=owner[:200], seconds=number(seconds))
                return self.lock
            case _:
                return self._parse_end(words)

    def _parse_command(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["begin", command]:
                self._commands[command] = _Running()
                self._current, self._error = command, False
                return CommandStarted(command)
            case ["stderr", command] if command == self._current:
                self._error = True
            case ["end", command, code, milliseconds, why] if _WHY.fullmatch(why):
                self._current = ""
                running = self._commands.setdefault(command, _Running())
                if running.code is not None:  # repeated because the disk was full
                    return None
                running.code, running.seconds = number(code), max(number(milliseconds), 0) / 1000
                running.why = "" if why == "-" else why
                return CommandEnded(command, running.code, running.seconds, running.why)
            case ["skip", command, why] if _WHY.fullmatch(why):
                self._commands[command] = _Running(why=why)
                return CommandSkipped(command, why)
            case ["died", command]:
                self._current = ""
                return TookOver(command)
        return None

    def _parse_end(self, words: tuple[str, ...]) -> Event | None:
        match words:
            case ["awaiting", seconds] if self.awaiting is None and self.decided is None:
                self.awaiting = Awaiting(max(number(seconds), 0))
                return self.awaiting
            case ["decided", "keep" | "undo" as verdict, by] if by in _DECIDERS:
                self.awaiting = None
                if self.decided is None:  # a warden that takes over repeats it
                    self.decided = Decided(Decision(verdict), Decider(by))
                    return self.decided
            case ["bye", word, commands] if self.ended is None and (status := reported_status(word)):
                self.ended = Ended(status, number(commands))
                return self.ended
        return None
