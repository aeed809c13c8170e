"""Translate recorded reasons into sentences for clients. Other reasons are not shown to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum

from runner.model import Outcome
from runner.report.words import Words

__all__ = ["Cause", "cause_of", "reason"]

_NUMBER = r"\d{1,2}(?:\.\d{1,3}){0,2}"
"""A version of PHP or WordPress; too short to carry any other text."""
_SECONDS = r"\d{1,4}\.\d{1,2}"
_TIMES = rf"\S{{1,2000}} takes (?P<after>{_SECONDS}) s; it took (?P<before>{_SECONDS}) s"


def _(message: str) -> str:
    """Mark a message for translation."""
    return message


class Cause(Enum):
    """A cause that has a sentence for clients: the pattern of its reasons, and the sentence.

    Named groups of the pattern fill the sentence. The first matching cause counts. Patterns also accept the
    wording of earlier versions, which is in their ledgers.
    """

    LICENCE = (
        re.compile(r"(?:announced|offered) without a package"),
        _("Its licence is missing or has expired, so the vendor does not provide it."),
    )
    PHP = (
        re.compile(rf"needs PHP (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})"),
        _("It requires PHP {needed}; the site runs on {there}."),
    )
    WORDPRESS = (
        re.compile(rf"needs WordPress (?P<needed>{_NUMBER}); the site has (?P<there>{_NUMBER})"),
        _("It requires WordPress {needed}; the site has {there}."),
    )
    KEPT = (re.compile(r"held on the host"), _("It is on hold on the server."))
    FORBIDDEN = (
        re.compile(r"the site forbids changes to its files"),
        _("The site is configured so that its files cannot be changed."),
    )
    UNWRITABLE = (
        re.compile(
            r"this login (?:may not|cannot) write|WordPress cannot write its files|.* be read or replaced: "
        ),
        _("We do not have permission to change the files on the server."),
    )
    LARGE = (
        re.compile(r"major updates (?:of \S+ )?are held"),
        _("We install major updates only after agreeing on them with you."),
    )
    RULED = (
        re.compile(
            r"(?:\w+ updates|security fixes) (?:of \S+ )?are held|held(?: until \S+)? (?:for this|by the) "
        ),
        _("We install updates like this only after agreeing on them with you."),
    )
    AGREED = (
        re.compile(
            r"held(?: until (?P<day>\d{4}-\d\d-\d\d))?: (?P<why>.+?)"
            r"(?: \(\S+ (?:closes a known hole|fixes a known vulnerability)\))?$"
        ),
        _("{why} (until {day})"),
    )
    """A hold in the inventory; the crew writes its reason for the client."""
    UNDONE = (
        re.compile(r"held(?:, since| because) .*undone by hand"),
        _("We removed this version from the site; we are waiting for a newer one."),
    )
    BROKE = (
        re.compile(r"held(?:, for| because) .*broke this site"),
        _("This version broke the site before; we are waiting for a newer one."),
    )
    YOUNG = (
        re.compile(r".*: waits until (?P<day>\d{4}-\d\d-\d\d) "),
        _("It is new; we will wait until {day} before we install it."),
    )
    UNASKED = (
        re.compile(r"wordpress\.org could not be (?:asked|reached)|no answer from wordpress\.org"),
        _("wordpress.org did not respond."),
    )
    PAUSED = (re.compile(r"paused until (?P<day>\d{4}-\d\d-\d\d): (?P<why>.+)"), _("{why} (until {day})"))
    PAUSED_ONLY = (re.compile(r"paused until (?P<day>\d{4}-\d\d-\d\d)$"), _("The pause ends after {day}."))
    TOO_LATE = (
        re.compile(r"needs about [\d hmin]+, the window (?:closes in|is open for) |the window closes at \d"),
        _("The maintenance window was too short for it."),
    )
    UNAPPROVED = (re.compile(r"not approved"), _("It was not approved in time."))
    DECLINED = (re.compile(r"declined by [^:]{1,100} on \d{4}-\d\d-\d\d: (?P<why>.+)"), "{why}")
    """The crew writes the reason for the client."""
    UNPLANNED = (re.compile(r"could not be planned"), _("It could not be prepared."))
    OUTDATED = (
        re.compile(r"the approved plan no longer applies"),
        _("The website had changed since it was planned."),
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
        _("With it, a page took {after} to respond, up from {before}."),
    )
    SPACE = (
        re.compile(r"(?:.*no space (?:is )?left|only \d+ MB are free)"),
        _("The server had no disk space left."),
    )
    STATUS = (
        re.compile(r"(?:.* )?answers (?P<status>\d{3}) where \d{3} is expected"),
        _("A page returned an error ({status})."),
    )
    TEXT = (re.compile(r"(?:.* )?lacks the text ['\"]"), _("A required text was missing from a page."))

    def __init__(self, pattern: re.Pattern[str], message: str) -> None:
        self.pattern = pattern
        self.message = message


def cause_of(why: str, outcome: Outcome = Outcome.HELD) -> Cause | None:
    """Return the cause of a recorded reason. `AGREED` is only for holds."""
    causes = (one for one in Cause if one is not Cause.AGREED or outcome is Outcome.HELD)
    return next((one for one in causes if one.pattern.match(why)), None)


def reason(why: str, words: Words, outcome: Outcome = Outcome.HELD) -> str:
    """Return a sentence for the client. Empty if there is none, because a reason may contain untrusted text.

    Args:
        why: the recorded reason.
        words: the client's language.
        outcome: the outcome that the reason is for.
    """
    cause = cause_of(why, outcome)
    found = cause.pattern.match(why) if cause else None
    if cause is None or found is None:
        return ""
    parts = {name: text or "" for name, text in found.groupdict().items()}
    if cause is Cause.DECLINED or (cause is Cause.AGREED and not parts["day"]):
        return parts["why"]
    try:
        return words.say(cause.message, **_localized(parts, words))
    except ValueError:  # not a valid date
        return ""


def _localized(parts: Mapping[str, str], words: Words) -> dict[str, str]:
    """Format days and seconds for the client."""
    formats = {
        "day": lambda text: words.full_day(date.fromisoformat(text)),
        "after": lambda text: words.seconds(float(text)),
        "before": lambda text: words.seconds(float(text)),
    }
    return {name: formats.get(name, str)(text) for name, text in parts.items()}
