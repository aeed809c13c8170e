"""What nobody outside is let in to, as its own host got it. Pure: answers go in, sights come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.model import PageLook, Seen, SiteKind
from runner.steps.front import Asked, Front, FrontWay
from runner.untrusted import sentence
from runner.verify.asks import ask_as_programs
from runner.verify.http import Ask, Sight, address
from runner.verify.judge import Expectation, judge
from runner.verify.machines import machine_traits
from runner.verify.seen import seen_of
from runner.verify.traits import traits
from runner.verify.worse import worse
from runner.web import Answer, Rules, join, split

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

_WHERE = {FrontWay.WEB: "asked on its own host", FrontWay.WORDPRESS: "run on its own host"}
_MEMBER = "as a member, run on its own host"
_ADMIN = "wp-admin/admin-ajax.php"
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What was got of a site on its own host."""

    sight: Sight | None = None
    """Of the first page. None where nothing was got by which the site can be judged."""
    more: tuple[Sight, ...] = ()
    """What programs read there; of pages that were got for a member there is none."""
    front: Front = field(default_factory=Front)
    """How it was got, without what was got."""
    why: str = ""
    """Why nothing was got; empty where something was."""

    @property
    def sights(self) -> tuple[Sight, ...]:
        """All of them, the first page first."""
        return () if self.sight is None else (self.sight, *self.more)

    @property
    def seen(self) -> bool:
        """There is something to judge the site by."""
        return self.sight is not None and self.sight.page.seen is Seen.SEEN


def asked_inside(site: Site, url: str = "", *, entry: str = "") -> Asked | None:
    """What is asked for on the host: the first page of the site, unless a redirect led to `url`."""
    found = url or _first(site)
    place = split(found)
    if place is None:
        return None
    return Asked(
        entry=entry,
        url=str(place),
        scheme=place.scheme,
        host=place.host,
        port=place.port,
        authority=place.authority,
        target=place.target,
    )


def programs_inside(site: Site, folder: str) -> Iterator[tuple[Ask, Asked]]:
    """What programs ask for, as from outside and as it is asked on the host."""
    if site.kind is not SiteKind.WORDPRESS:
        return
    for ask in ask_as_programs(site.own_address, folder):
        entry = f"{folder}{_ADMIN}" if _ADMIN in ask.url else ""
        asked = asked_inside(site, ask.url, entry=entry)
        if asked is not None:
            yield ask, asked


def program_inside(site: Site, ask: Ask, front: Front, seconds: float) -> Sight:
    """What the host got of it. What it does not get is as if no answer came."""
    url = ask.url
    answer = replace(_said(site, front), asked=url, url=front.url or url)
    findings = ask.judged(answer) if front.way is not FrontWay.NONE else (_NO_ANSWER,)
    if front.fatal:
        findings = (*findings, _dies(front))
    page = PageLook(
        page=f"{ask.name} (on its own host)",
        url=url,
        status=front.status,
        seconds=round(seconds, 3),
        size=len(front.body),
        findings=findings,
        seen=seen_of(answer),
    )
    return Sight(page, machine_traits(answer), machine=True)


def leads_on(site: Site, front: Front) -> str:
    """Where a redirect of WordPress, run on the command line, leads on the same site; empty for nowhere."""
    answer = _said(site, front)
    leads = _location(answer)
    place, before = split(leads), split(answer.url)
    if front.way is not FrontWay.WORDPRESS or place is None or before is None or str(place) == str(before):
        return ""
    return "" if Rules.of(site.url, site.own_address, private=site.private).refusal(place, before) else leads


def inside_of(site: Site, front: Front, seconds: float, *, known: bool) -> Inside:
    """What the host got, judged as a page is.

    WordPress on the command line may lack what only the web server gives it. So what is wrong with a page
    that was got that way counts only where the same way gave a good one before.

    Args:
        site: whose page.
        front: what came back.
        seconds: that it took.
        known: whether a page was got before, the same way.
    """
    how = Front(way=front.way, address=front.address, member=front.member)
    if front.way is FrontWay.NONE:
        return silent(site, "its own host gets no page of it", seconds) if known else Inside(why=_NOTHING)
    answer = _answer(site, front)
    seen = seen_of(answer)
    if seen is Seen.REFUSED and not known:
        return Inside(why=f"{_NOTHING}: it answers {front.status} there as well")
    findings = judge(answer, Expectation(text=site.expect))
    if front.fatal:
        findings = (*findings, _dies(front))
    if findings and front.way is FrontWay.WORDPRESS and not known:
        return Inside(why=f"WordPress, run on the host without the web server, says nothing: {findings[-1]}")
    page = PageLook(
        page=f"{site.pages[0]} ({_MEMBER if front.member else _WHERE[front.way]})",
        url=_first(site),
        status=front.status,
        seconds=round(seconds, 3),
        size=len(front.body),
        findings=findings,
        seen=seen,
    )
    return Inside(sight=Sight(page, traits(answer)), front=how)


def silent(site: Site, why: str, seconds: float) -> Inside:
    """Nothing came of a page that came before: that is a finding."""
    page = PageLook(
        page=site.pages[0],
        url=_first(site),
        status=None,
        seconds=round(seconds, 3),
        findings=(why,),
        seen=Seen.ABSENT,
    )
    return Inside(sight=Sight(page))


def worse_inside(before: Inside | None, after: Inside | None) -> tuple[str, ...]:
    """What is worse than it was, with the page; empty where nothing is, or nothing can be compared."""
    if after is None or after.sight is None:
        return ()
    if before is None or before.sight is None:
        new = after.sight.page
        said = new.findings if new.seen is Seen.SEEN else ()
        return tuple(f"{new.page}: {one}" for one in said)
    known = {sight.page.page: sight for sight in before.more}
    more = ((known[one.page.page], one) for one in after.more if one.page.page in known)
    pairs = ((before.sight, after.sight), *more)
    return tuple(f"{new.page.page}: {one}" for old, new in pairs for one in worse(old, new))


def _first(site: Site) -> str:
    return address(site.own_address, site.pages[0])


_NO_ANSWER = "its own host gets no answer to it"


def _dies(front: Front) -> str:
    return f"PHP dies: {sentence(front.fatal, 240)}"


_NOTHING = "its own host cannot show it either"


def _said(site: Site, front: Front) -> Answer:
    return Answer(
        asked=_first(site),
        url=front.url or _first(site),
        status=front.status,
        body=front.body,
        headers=front.headers,
        cut=front.cut,
    )


def _answer(site: Site, front: Front) -> Answer:
    """What was said; a redirect that is not followed is no answer."""
    answer = _said(site, front)
    leads = _location(answer)
    place, before = split(leads), split(answer.url)
    if not leads or place is None:
        return answer
    why = Rules.of(site.url, site.own_address, private=site.private).refusal(place, before)
    return replace(answer, url=leads, failure=why or "redirects in a loop")


def _location(answer: Answer) -> str:
    if answer.status not in _REDIRECTS or not answer.header("location"):
        return ""
    return join(answer.url, answer.header("location"))
