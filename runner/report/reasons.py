"""The crew's reasons in the client's words. What is not known here is the crew's alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum

from runner.model import Outcome
from runner.report.words import Words

__all__ = ["Cause", "cause_of", "reason"]

_NUMBER = r"\d{1,2}(?:\.\d{1,3}){0,2}"
"""A version of PHP or WordPress: too short for anything else."""
_SECONDS = r"\d{1,4}\.\d{1,2}"
_TIMES = rf"\S{{1,2000}} takes (?P<after>{_SECONDS}) s; it took (?P<before>{_SECONDS}) s"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


class Cause(Enum):
    """Every cause that has a sentence for clients: how its reasons begin, and the sentence.

    Named groups of the pattern fill the sentence. The first cause that matches counts.
    """

    LICENCE = (
        re.compile(r"(?:announced|offered) without a package"),
        _("Its licence is missing or has run out, so its makers do not hand it out."),
    )
    PHP = (
        re.compile(rf"needs PHP (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})"),
        _("It needs PHP {needed}; the site runs on {there}."),
    )
    WORDPRESS = (
        re.compile(rf"needs WordPress (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})"),
        _("It needs WordPress {needed}; the site has {there}."),
    )
    KEPT = (re.compile(r"held on the host"), _("It is held back on the server."))
    FORBIDDEN = (
        re.compile(r"the site forbids changes to its files"),
        _("The site is set up so that its files may not be changed."),
    )
    UNWRITABLE = (
        re.compile(
            r"this login (?:may not|cannot) write|WordPress cannot write its files|.* be read or replaced: "
        ),
        _("We have no right to write there on the server."),
    )
    LARGE = (
        re.compile(r"major updates (?:of \S+ )?are held"),
        _("We do such a large step only after we have agreed on it with you."),
    )
    RULED = (
        re.compile(
            r"(?:\w+ updates|security fixes) (?:of \S+ )?are held|held(?: until \S+)? (?:for this|by the) "
        ),
        _("We do updates like this only after we have agreed on it with you."),
    )
    AGREED = (
        re.compile(
            r"held(?: until (?P<day>\d{4}-\d\d-\d\d))?: (?P<why>.+?)"
            r"(?: \(\S+ (?:closes a known hole|fixes a known vulnerability)\))?$"
        ),
        _("{why} (until {day})"),
    )
    """A hold of the inventory, whose reason the crew writes for the client."""
    UNDONE = (
        re.compile(r"held(?:, since| because) .*undone by hand"),
        _("We removed this version from the site again; we wait for a newer one."),
    )
    BROKE = (
        re.compile(r"held(?:, for| because) .*broke this site"),
        _("This version broke the site before; we wait for a newer one."),
    )
    YOUNG = (
        re.compile(r".*: waits until (?P<day>\d{4}-\d\d-\d\d) "),
        _("It is new; we wait until {day} before we use it."),
    )
    UNASKED = (
        re.compile(r"wordpress\.org could not be asked|no answer from wordpress\.org"),
        _("wordpress.org did not answer."),
    )
    STILL = (re.compile(r"the version on disk is "), _("The update did not take effect."))
    BOOT = (
        re.compile(
            r"the site (?:does not boot (?:with it|any more)|does not start with it|no longer starts)"
        ),
        _("The site did not work with it."),
    )
    SLOW = (re.compile(r"took longer than its time limit"), _("It took too long and was stopped."))
    SLOWER = (
        re.compile(rf"slower than before: {_TIMES}"),
        _("With it, a page took {after} to answer; before, it took {before}."),
    )
    SPACE = (
        re.compile(r"(?:.*no space (?:is )?left|only \d+ MB are free)"),
        _("There was no space left on the server."),
    )
    STATUS = (
        re.compile(r"(?:.* )?answers (?P<status>\d{3}) where \d{3} is expected"),
        _("A page answered with an error ({status})."),
    )
    TEXT = (re.compile(r"(?:.* )?lacks the text ['\"]"), _("A text was missing that has to be there."))

    def __init__(self, pattern: re.Pattern[str], message: str) -> None:
        self.pattern = pattern
        self.message = message


def cause_of(why: str, outcome: Outcome = Outcome.HELD) -> Cause | None:
    """The cause that a recorded reason names; only holds have reasons that the crew wrote for clients."""
    causes = (one for one in Cause if one is not Cause.AGREED or outcome is Outcome.HELD)
    return next((one for one in causes if one.pattern.match(why)), None)


def reason(why: str, words: Words, outcome: Outcome = Outcome.HELD) -> str:
    """A sentence for the client, empty where we have none: a reason may hold what a stranger wrote.

    Args:
        why: what was recorded.
        words: the client's language.
        outcome: what it is the reason for.
    """
    cause = cause_of(why, outcome)
    found = cause.pattern.match(why) if cause else None
    if cause is None or found is None:
        return ""
    parts = {name: text or "" for name, text in found.groupdict().items()}
    if cause is Cause.AGREED and not parts["day"]:
        return parts["why"]
    try:
        return words.say(cause.message, **_read(parts, words))
    except ValueError:  # a day that no calendar has
        return ""


def _read(parts: Mapping[str, str], words: Words) -> dict[str, str]:
    """Days and seconds as the client reads them."""
    read = {
        "day": lambda text: words.full_day(date.fromisoformat(text)),
        "after": lambda text: words.seconds(float(text)),
        "before": lambda text: words.seconds(float(text)),
    }
    return {name: read.get(name, str)(text) for name, text in parts.items()}
