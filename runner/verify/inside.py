"""Judge pages that were requested from the site's own host. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.model import PageLook, Seen, SiteKind
from runner.steps.front import Asked, Front, FrontWay
from runner.untrusted import sentence
from runner.verify.http import PageCheck, PageRequest, address
from runner.verify.judge import Expectation, judge
from runner.verify.machine_readable import machine_traits
from runner.verify.regressions import regressions
from runner.verify.requests import program_requests
from runner.verify.seen import seen_of
from runner.verify.traits import traits
from runner.web import Answer, Rules, join, parse_url

if TYPE_CHECKING:
    from runner.model import Site

__all__ = [
    "Inside",
    "asked_inside",
    "inside_of",
    "leads_on",
    "program_inside",
    "programs_inside",
    "silent",
    "worse_inside",
]

_WHERE = {FrontWay.WEB: "requested on its own host", FrontWay.WORDPRESS: "run on its own host"}
_MEMBER = "as a member, run on its own host"
_ADMIN = "wp-admin/admin-ajax.php"
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The check of a site from its own host."""

    check: PageCheck | None = None
    """The check of the first page. None if the host got nothing that can be judged."""
    more: tuple[PageCheck, ...] = ()
    """Checks of REST and admin-ajax; empty if the page was requested as a member."""
    front: Front = field(default_factory=Front)
    """How the page was requested, without the answer."""
    why: str = ""
    """Why there is no check; empty if there is one."""

    @property
    def checks(self) -> tuple[PageCheck, ...]:
        """All checks, starting with the first page."""
        return () if self.check is None else (self.check, *self.more)

    @property
    def seen(self) -> bool:
        """Whether the site was seen."""
        return self.check is not None and self.check.page.seen is Seen.SEEN


def asked_inside(site: Site, url: str = "", *, entry: str = "") -> Asked | None:
    """Return the request for the host: the first page of the site, or the target `url` of a redirect."""
    target = parse_url(url or _first(site))
    if target is None:
        return None
    return Asked(
        entry=entry,
        url=str(target),
        scheme=target.scheme,
        host=target.host,
        port=target.port,
        authority=target.authority,
        target=target.target,
    )


def programs_inside(site: Site, folder: str) -> Iterator[tuple[PageRequest, Asked]]:
    """Yield the requests for REST and admin-ajax, each as sent from outside and as sent on the host."""
    if site.kind is not SiteKind.WORDPRESS:
        return
    for request in program_requests(site.own_address, folder):
        entry = f"{folder}{_ADMIN}" if _ADMIN in request.url else ""
        asked = asked_inside(site, request.url, entry=entry)
        if asked is not None:
            yield request, asked


def program_inside(site: Site, request: PageRequest, front: Front, seconds: float) -> PageCheck:
    """Judge the answer that the host got. If it got none, that is a finding."""
    url = request.url
    answer = replace(_answer_of(site, front), asked=url, url=front.url or url)
    findings = request.judge(answer) if front.way is not FrontWay.NONE else (_NO_ANSWER,)
    if front.fatal:
        findings = (*findings, _fatal_error(front))
    page = PageLook(
        page=f"{request.name} (on its own host)",
        url=url,
        status=front.status,
        seconds=round(seconds, 3),
        size=len(front.body),
        findings=findings,
        seen=seen_of(answer),
    )
    return PageCheck(page, machine_traits(answer), machine=True)


def leads_on(site: Site, front: Front) -> str:
    """Return the target of a redirect if WordPress was run without the web server; empty if not allowed."""
    answer = _answer_of(site, front)
    location = _location(answer)
    target, before = parse_url(location), parse_url(answer.url)
    if front.way is not FrontWay.WORDPRESS or target is None or before is None or str(target) == str(before):
        return ""
    refusal = Rules.of(site.url, site.own_address, private=site.private).refusal(target, before)
    return "" if refusal else location


def inside_of(site: Site, front: Front, seconds: float, *, known: bool) -> Inside:
    """Judge the page that the host got.

    WordPress on the command line may lack settings of the web server. So findings of a page from there count
    only if it was healthy before, requested the same way.

    Args:
        site: the site.
        front: the answer.
        seconds: how long it took.
        known: whether there is an earlier check, requested the same way.
    """
    request = Front(way=front.way, address=front.address, member=front.member)
    if front.way is FrontWay.NONE:
        return (
            silent(site, "its own host no longer gets the page", seconds) if known else Inside(why=_NO_PAGE)
        )
    answer = _followed(site, front)
    seen = seen_of(answer)
    if seen is Seen.REFUSED and not known:
        return Inside(why=f"{_NO_PAGE}: it answers {front.status} there too")
    findings = judge(answer, Expectation(text=site.expect))
    if front.fatal:
        findings = (*findings, _fatal_error(front))
    if findings and front.way is FrontWay.WORDPRESS and not known:
        return Inside(
            why=f"WordPress, run on the host without the web server, shows no usable page: {findings[-1]}"
        )
    page = PageLook(
        page=f"{site.pages[0]} ({_MEMBER if front.member else _WHERE[front.way]})",
        url=_first(site),
        status=front.status,
        seconds=round(seconds, 3),
        size=len(front.body),
        findings=findings,
        seen=seen,
    )
    return Inside(check=PageCheck(page, traits(answer)), front=request)


def silent(site: Site, why: str, seconds: float) -> Inside:
    """Return the check of a page that was seen before and is missing now."""
    page = PageLook(
        page=site.pages[0],
        url=_first(site),
        status=None,
        seconds=round(seconds, 3),
        findings=(why,),
        seen=Seen.ABSENT,
    )
    return Inside(check=PageCheck(page))


def worse_inside(before: Inside | None, after: Inside | None) -> tuple[str, ...]:
    """Return what is worse than before, a sentence each with the page; empty if nothing can be compared."""
    if after is None or after.check is None:
        return ()
    if before is None or before.check is None:
        new = after.check.page
        findings = new.findings if new.seen is Seen.SEEN else ()
        return tuple(f"{new.page}: {finding}" for finding in findings)
    known = {check.page.page: check for check in before.more}
    more = ((known[one.page.page], one) for one in after.more if one.page.page in known)
    pairs = ((before.check, after.check), *more)
    return tuple(f"{new.page.page}: {one}" for old, new in pairs for one in regressions(old, new))


def _first(site: Site) -> str:
    return address(site.own_address, site.pages[0])


_NO_ANSWER = "its own host gets no answer"


def _fatal_error(front: Front) -> str:
    return f"PHP fatal error: {sentence(front.fatal, 240)}"


_NO_PAGE = "its own host does not get the page either"


def _answer_of(site: Site, front: Front) -> Answer:
    return Answer(
        asked=_first(site),
        url=front.url or _first(site),
        status=front.status,
        body=front.body,
        headers=front.headers,
        cut=front.cut,
    )


def _followed(site: Site, front: Front) -> Answer:
    """Return the answer. If it is a redirect, it failed: the host did not follow it."""
    answer = _answer_of(site, front)
    location = _location(answer)
    target, before = parse_url(location), parse_url(answer.url)
    if not location or target is None:
        return answer
    why = Rules.of(site.url, site.own_address, private=site.private).refusal(target, before)
    return replace(answer, url=location, failure=why or "redirects in a loop")


def _location(answer: Answer) -> str:
    if answer.status not in _REDIRECTS or not answer.header("location"):
        return ""
    return join(answer.url, answer.header("location"))
