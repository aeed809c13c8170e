"""The login shell of a hostile account: a real sshd starts it, and it answers as its mode says.

`python evil_shell.py FOLDER -c COMMAND`. FOLDER/mode holds the mode, FOLDER/execs gets a line for each exec.
It reads what the controller sends, takes the nonce of the frames from it, and lies.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

ESCAPES = b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\xe2\x80\xae\rTASK \x08\x08"
HUGE = 1 << 30


class Exec:
    """What was sent, and the way to answer it."""

    def __init__(self) -> None:
        opening = sys.stdin.buffer.readline() + sys.stdin.buffer.readline()
        size = int(re.findall(rb"head -c (\d+)", opening)[0])
        self.text = sys.stdin.buffer.read(size)
        self.said = opening + self.text
        self.nonce = (re.findall(rb"\blink='?([0-9a-f]{32})", self.text) or [b""])[0]
        mode = re.findall(rb"\bmode='?(\w+)", self.text)
        self.mode = mode[0].decode() if mode else ""
        """Of a job's exec; empty for one that only reads."""
        self.job = b"0123456789abcdef0123456789abcdef"
        self.tasks = [name.decode() for name in re.findall(rb"^task (\S+) \d+ ", self.text, re.MULTILINE)]

    def say(self, words: str | bytes, nonce: bytes | None = None) -> None:
        """A frame of the link."""
        line = words if isinstance(words, bytes) else words.encode()
        self.write(b"\x1e" + (nonce or self.nonce) + b" " + line + b"\n")

    def tell(self, words: str | bytes) -> None:
        """A frame of the job."""
        self.say(words, self.job)

    def write(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def greet(self) -> None:
        if self.mode:
            self.say(b"hello started " + self.job + b" open")
        else:
            self.say("hello")


def silent(exec_: Exec) -> None:
    time.sleep(3600)


def deaf(exec_: Exec) -> None:
    exec_.greet()
    time.sleep(3600)


def alive(exec_: Exec) -> None:
    exec_.greet()
    while True:
        exec_.say("hb")
        time.sleep(0.2)


def unanswered(exec_: Exec) -> None:
    exec_.greet()
    exec_.tell("bye ok 0") if exec_.mode else exec_.say("bye")


def nonsense(exec_: Exec) -> None:
    exec_.greet()
    speak = exec_.tell if exec_.mode else exec_.say
    for words in (
        "begin", "end", "end s0", "end s0 abc", "end s0 abc def -", "skip", "begin s0", "end s0 abc 1e9 x y",
        "late", "awaiting x", "decided", "lock x", "locked", "stderr", "job x", "died", "end t0 1e99 NaN -",
        "end s0 99999999999999999999999 -5 -", "hello", "hello started x", b"\xff\xfe\x00", "", "eof",
    ):  # fmt: skip
        speak(words)
    speak("begin s0")
    speak("end s0 abc 12 -")
    exec_.tell("bye weird x") if exec_.mode else exec_.say("bye")


def dead(exec_: Exec) -> None:
    exec_.say("eof dead")
    exec_.say("error absent")


def cut(exec_: Exec) -> None:
    exec_.greet()


def escapes(exec_: Exec) -> None:
    exec_.write(ESCAPES + b"\n")
    exec_.greet()
    speak = exec_.tell if exec_.mode else exec_.say
    for task in exec_.tasks or ["s0", "s1", "save", "change", "read"]:
        speak(f"begin {task}")
        exec_.write(b"user=" + ESCAPES + b"\nsystem=" + ESCAPES + b"\nlacks=" + ESCAPES + b"\n")
        speak(f"end {task} 1 5 -")
    exec_.tell(b"locked " + b"\xc2\x9b31mrun\x1b[2J" + b" 5") if exec_.mode else None
    exec_.tell("bye locked 0") if exec_.mode else exec_.say("bye")


def flood(exec_: Exec) -> None:
    exec_.greet()
    (exec_.tell if exec_.mode else exec_.say)("begin s0")
    block = b"x" * 65536
    for _ in range(HUGE // len(block)):
        exec_.write(block)


def names(exec_: Exec) -> None:
    exec_.greet()
    speak = exec_.tell if exec_.mode else exec_.say
    for number in range(2_000_000):
        speak(f"begin t{number}-{'n' * 200}")


def early(exec_: Exec) -> None:
    exec_.say("bye")
    exec_.tell("bye ok 3")
    exec_.say("eof done ok 3")


def run(exec_: Exec, command: list[str]) -> None:
    """What was sent, by a real shell."""
    with subprocess.Popen(["/bin/sh", *command], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        threading.Thread(target=feed, args=(exec_.said, process.stdin), daemon=True).start()
        code = process.wait()
        os._exit(code)


def feed(first: bytes, stdin: IO[bytes]) -> None:
    with suppress(OSError), stdin:
        data = first
        while data:
            stdin.write(data)
            stdin.flush()
            data = sys.stdin.buffer.read1(65536)


MODES: dict[str, Callable[[Exec], None]] = {
    one.__name__: one
    for one in (silent, deaf, alive, unanswered, nonsense, dead, cut, escapes, flood, names, early)
}
JOB_MODES = {f"{one.__name__}-jobs": one for one in (deaf, alive, cut)}
"""It answers what it is asked, and lies once a job is to be begun or followed."""


def main() -> None:
    folder = Path(sys.argv[1])
    mode = (folder / "mode").read_text().strip()
    with (folder / "execs").open("a") as file:
        file.write(f"{mode}\n")
    if mode == "honest":
        os.execv("/bin/sh", ["sh", *sys.argv[2:]])  # noqa: S606 - the shell that it pretends to be
    exec_ = Exec()
    if mode in JOB_MODES and not exec_.mode:
        run(exec_, sys.argv[2:])
    else:
        {**MODES, **JOB_MODES}[mode](exec_)


if __name__ == "__main__":
    main()
