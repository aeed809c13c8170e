"""The crew's reasons in the client's words. What is not known here is the crew's alone."""

from __future__ import annotations

import re
from datetime import date

from runner.model import Outcome
from runner.report.words import Words

__all__ = ["reason"]

_NUMBER = r"\d{1,2}(?:\.\d{1,3}){0,2}"
"""A version of PHP or WordPress: too short for anything else."""
_SECONDS = r"\d{1,4}\.\d{1,2}"
_PATTERNS = {
    "licence": r"announced without a package",
    "php": rf"needs PHP (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})",
    "wordpress": rf"needs WordPress (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})",
    "kept": r"held on the host",
    "forbidden": r"the site forbids changes to its files",
    "unwritable": r"(?:this login may not write|WordPress cannot write its files|.* be read or replaced: )",
    "large": r"major updates (?:of \S+ )?are held",
    "ruled": r"(?:\w+ updates|security fixes) (?:of \S+ )?are held|held(?: until \S+)? (?:for this|by the) ",
    "agreed": r"held(?: until (?P<day>\d{4}-\d\d-\d\d))?: (?P<why>.+?)(?: \(\S+ closes a known hole\))?$",
    "undone": r"held, since .*undone by hand",
    "broke": r"held, for .*broke this site",
    "young": r".*: waits until (?P<day>\d{4}-\d\d-\d\d) ",
    "unasked": r"wordpress\.org could not be asked",
    "still": r"the version on disk is ",
    "boot": r"the site does not boot (?:with it|any more)",
    "slow": r"took longer than its time limit",
    "slower": rf"slower than before: \S{{1,2000}} takes (?P<after>{_SECONDS}) s;"
    rf" it took (?P<before>{_SECONDS}) s",
    "space": r"(?:.*no space (?:is )?left|only \d+ MB are free)",
    "status": r"(?:.* )?answers (?P<status>\d{3}) where \d{3} is expected",
    "text": r"(?:.* )?lacks the text '",
}
_COMPILED = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}


def reason(why: str, words: Words, outcome: Outcome = Outcome.HELD) -> str:
    """A sentence for the client, empty where we have none: a reason may hold what a stranger wrote.

    Args:
        why: what was recorded.
        words: the client's language.
        outcome: what it is the reason for; only holds have reasons that the crew wrote in its own words.
    """
    for name, pattern in _COMPILED.items():
        if name == "agreed" and outcome is not Outcome.HELD:
            continue
        if found := pattern.match(why):
            return _say(name, {k: v or "" for k, v in found.groupdict().items()}, words)
    return ""


def _say(name: str, part: dict[str, str], words: Words) -> str:
    say = words.say
    if name in {"agreed", "young"}:
        return _dated(name, part, words)
    messages = {
        "licence": say("Its licence is missing or has run out, so its makers do not hand it out."),
        "php": say("It needs PHP {needed}; the site runs on {there}.", **_two(part)),
        "wordpress": say("It needs WordPress {needed}; the site has {there}.", **_two(part)),
        "kept": say("It is held back on the server."),
        "forbidden": say("The site is set up so that its files may not be changed."),
        "unwritable": say("We have no right to write there on the server."),
        "large": say("We do such a large step only after we have agreed on it with you."),
        "ruled": say("We do updates like this only after we have agreed on it with you."),
        "undone": say("We removed this version from the site again; we wait for a newer one."),
        "broke": say("This version broke the site before; we wait for a newer one."),
        "unasked": say("wordpress.org did not answer."),
        "still": say("The update did not take effect."),
        "boot": say("The site did not work with it."),
        "slow": say("It took too long and was stopped."),
        "slower": say(
            "With it, a page took {after} to answer; before, it took {before}.",
            after=words.seconds(float(part.get("after") or 0)),
            before=words.seconds(float(part.get("before") or 0)),
        ),
        "space": say("There was no space left on the server."),
        "status": say("A page answered with an error ({status}).", status=part.get("status", "")),
        "text": say("A text was missing that has to be there."),
    }
    return messages[name]


def _two(part: dict[str, str]) -> dict[str, str]:
    return {"needed": part.get("needed", ""), "there": part.get("there", "")}


def _dated(name: str, part: dict[str, str], words: Words) -> str:
    """A reason that ends on a day."""
    if not part["day"]:
        return part["why"]
    try:
        day = words.full_day(date.fromisoformat(part["day"]))
    except ValueError:
        return ""
    if name == "young":
        return words.say("It is new; we wait until {day} before we use it.", day=day)
    return words.say("{why} (until {day})", why=part["why"], day=day)
