"""What a hostile host answers: each mode is a function over one exec."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from lab.talk import Talk

__all__ = ["MODES"]

_CHUNK = b"x" * 32_000


Mode = Callable[[Talk], None]


def _heartbeats(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.frame("hb")
        talk.pause(0.1)


def _silent_login(talk: Talk) -> None:
    talk.stay()


def _silent_hello(talk: Talk) -> None:
    talk.greet()
    talk.stay()


def _endless_output(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"begin {talk.tasks[0] if talk.tasks else 's0'}")
    while True:
        talk.out(_CHUNK)


def _endless_stderr(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"begin {talk.tasks[0] if talk.tasks else 's0'}")
    while True:
        talk.err(_CHUNK)
        talk.frame("hb")


def _endless_between(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(_CHUNK)


def _endless_tasks(talk: Talk) -> None:
    talk.greet()
    number = 0
    while True:
        talk.out(
            b"".join(
                f"\x1e{talk.job} begin t{number + n}\n\x1e{talk.job} end t{number + n} 0 1 -\n".encode()
                for n in range(500)
            )
        )
        number += 500


def _endless_frames(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(f"\x1e{talk.job} awaiting 5\n\x1e{talk.job} whatever\n".encode() * 300)


def _unknown_ids(talk: Talk) -> None:
    talk.greet()
    for task in ("never-sent", "../../etc/passwd", "\x1b[2J", "a" * 900):
        talk.tell(f"begin {task}")
        talk.out(b"lie\n")
        talk.tell(f"end {task} 0 5 -")
    talk.bye()


def _end_first(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"end {task} 0 5 -")
        talk.tell(f"begin {task}")
    talk.bye()


def _end_nonsense(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} abc {'9' * 400} -")
    talk.bye()


def _huge_sizes(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} {'9' * 300} {'9' * 300} -")
    talk.tell(f"bye ok {'9' * 500}")


def _negative_sizes(talk: Talk) -> None:
    talk.greet()
    talk.tell("lock -1")
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} -5 -{'9' * 30} -")
    talk.tell("bye ok -7")


def _short_frames(talk: Talk) -> None:
    talk.greet()
    for words in ("", "begin", "end", "end s0", "skip", "stderr", "late", "bye", "hello", "eof", "error"):
        talk.tell(words)
        talk.frame(words)
    talk.stay()


def _no_answers(talk: Talk) -> None:
    talk.greet()
    talk.bye()


def _no_bye(talk: Talk) -> None:
    talk.greet()
    talk.answer()


def _many_byes(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    for _ in range(1000):
        talk.bye()


def _dead(talk: Talk) -> None:
    talk.greet()
    talk.frame("eof dead")


def _again(talk: Talk) -> None:
    talk.greet()
    talk.frame("eof again")


def _locked(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"locked \x1b]0;owned\x07\x1b[2J\u202egro.live@x {'9' * 200}")
    for task in talk.tasks:
        talk.tell(f"skip {task} locked")
    talk.tell("bye locked 0")


def _foreign_nonce(talk: Talk) -> None:
    other = secrets.token_hex(16)
    talk.frame("hello", other)
    talk.frame(f"hello started {other} open")
    talk.stay()


def _foreign_job(talk: Talk) -> None:
    """The job's greeting names another nonce than the body's."""
    other = secrets.token_hex(16)
    talk.job = other if talk.is_job else talk.job
    _honest_answers(talk)


def _giant_frame(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(f"\x1e{talk.job} begin ".encode() + _CHUNK)


def _separators(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(b"\x1e" * 32_000)


def _slow_drip(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(b".")
        talk.pause(0.1)


def _login_noise(talk: Talk) -> None:
    while True:
        talk.out(_CHUNK)


def _awaiting(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    while True:
        talk.tell("awaiting 1")
        talk.pause(0.1)


def _bad_words(talk: Talk) -> None:
    talk.greet()
    talk.frame(f"eof done \x1b[2J{'9' * 400} x")
    talk.frame("bye \x1b[2J x y z")
    talk.stay()


def _codes_in_status(talk: Talk) -> None:
    talk.greet()
    talk.tell("skip \x1b[31m \x1b[2J")
    talk.tell("decided \x1b[2J keep\x9b31m")
    talk.tell("bye \x1b[2Jok\u202e 3")


def _refusal(talk: Talk) -> None:
    talk.frame("error \x1b[2Jabsent")
    talk.stay()


def _honest_answers(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    talk.bye()
    talk.stay()


def _hang_up(after: int) -> Mode:
    """Close the connection after so many of the usual frames."""

    def mode(talk: Talk) -> None:
        first = talk.tasks[0] if talk.tasks else "s0"
        steps: tuple[Callable[[], None], ...] = (
            talk.greet,
            lambda: talk.tell(f"begin {first}"),
            lambda: talk.out(b"half a line"),
            lambda: talk.tell(f"end {first} 0 5 -"),
        )
        for step in steps[:after]:
            step()
        talk.channel.get_transport().close()

    return mode


MODES: dict[str, Mode] = {
    "again": _again,
    "awaiting": _awaiting,
    "bad-words": _bad_words,
    "codes-in-status": _codes_in_status,
    "dead": _dead,
    "end-first": _end_first,
    "end-nonsense": _end_nonsense,
    "endless-between": _endless_between,
    "endless-frames": _endless_frames,
    "endless-output": _endless_output,
    "endless-stderr": _endless_stderr,
    "endless-tasks": _endless_tasks,
    "foreign-job": _foreign_job,
    "foreign-nonce": _foreign_nonce,
    "giant-frame": _giant_frame,
    "hang-up-0": _hang_up(0),
    "hang-up-1": _hang_up(1),
    "hang-up-2": _hang_up(2),
    "hang-up-3": _hang_up(3),
    "hang-up-4": _hang_up(4),
    "heartbeats": _heartbeats,
    "honest-answers": _honest_answers,
    "huge-sizes": _huge_sizes,
    "locked": _locked,
    "login-noise": _login_noise,
    "many-byes": _many_byes,
    "negative-sizes": _negative_sizes,
    "no-answers": _no_answers,
    "no-bye": _no_bye,
    "refusal": _refusal,
    "separators": _separators,
    "short-frames": _short_frames,
    "silent-hello": _silent_hello,
    "silent-login": _silent_login,
    "slow-drip": _slow_drip,
    "unknown-ids": _unknown_ids,
}
"""Ways to answer an exec; any file transfer then ends at once."""
