"""The crew's reasons in the client's words. What is not known here is shown as it was written down."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from runner.report.words import Words

__all__ = ["reason"]

_PATTERNS = {
    "licence": r"announced without a package",
    "php": r"needs PHP (?P<needed>[\d.]+); the site has (?P<there>[\d.]+)",
    "wordpress": r"needs WordPress (?P<needed>[\d.]+); the site has (?P<there>[\d.]+)",
    "forbidden": r"the site forbids changes to its files",
    "unwritable": r"(?:this login may not write|WordPress cannot write its files)",
    "large": r"major updates (?:of \S+ )?are held",
    "ruled": r"(?:\w+ updates|security fixes) (?:of \S+ )?are held|held(?: until \S+)? (?:for this|by the) ",
    "agreed": r"held(?: until (?P<day>\d{4}-\d\d-\d\d))?: (?P<why>.+?)(?: \(\S+ closes a known hole\))?$",
    "broke": r"held, for .*broke this site",
    "young": r".*: waits until (?P<day>\d{4}-\d\d-\d\d) ",
    "unasked": r"wordpress\.org could not be asked",
    "still": r"the version on disk is ",
    "boot": r"the site does not boot (?:with it|any more)",
    "slow": r"took longer than its time limit",
    "space": r".*no space (?:is )?left",
    "status": r"(?:.* )?answers (?P<status>\d{3}) where \d{3} is expected",
    "text": r"(?:.* )?lacks the text '(?P<text>.+)'",
}
_COMPILED = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}


def reason(why: str, words: Words) -> str:
    """A sentence for the client."""
    for name, pattern in _COMPILED.items():
        if found := pattern.match(why):
            return _say(name, {k: v or "" for k, v in found.groupdict().items()}, words)
    return why


def _say(name: str, part: dict[str, str], words: Words) -> str:
    say = words.say
    if name in {"agreed", "young"}:
        return _dated(name, part, words)
    messages = {
        "licence": say("Its licence is missing or has run out, so its makers do not hand it out."),
        "php": say("It needs PHP {needed}; the site runs on {there}.", **_two(part)),
        "wordpress": say("It needs WordPress {needed}; the site has {there}.", **_two(part)),
        "forbidden": say("The site is set up so that its files may not be changed."),
        "unwritable": say("We have no right to write there on the server."),
        "large": say("We do such a large step only after we have agreed on it with you."),
        "ruled": say("We do updates like this only after we have agreed on it with you."),
        "broke": say("This version broke the site before; we wait for a newer one."),
        "unasked": say("wordpress.org did not answer."),
        "still": say("The update did not take effect."),
        "boot": say("The site did not work with it."),
        "slow": say("It took too long and was stopped."),
        "space": say("There was no space left on the server."),
        "status": say("A page answered with an error ({status}).", status=part.get("status", "")),
        "text": say("A text was missing that has to be there: {text}", text=part.get("text", "")),
    }
    return messages[name]


def _two(part: dict[str, str]) -> dict[str, str]:
    return {"needed": part.get("needed", ""), "there": part.get("there", "")}


def _dated(name: str, part: dict[str, str], words: Words) -> str:
    """A reason that ends on a day."""
    if not part["day"]:
        return part["why"]
    day = words.full_day(datetime.strptime(part["day"], "%Y-%m-%d").replace(tzinfo=UTC).date())
    if name == "young":
        return words.say("It is new; we wait until {day} before we use it.", day=day)
    return words.say("{why} (until {day})", why=part["why"], day=day)
