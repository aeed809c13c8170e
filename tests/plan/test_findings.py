"""Doctor, plan and run report the same findings in the same words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.errors import ExitCode, HostError, SitecrewError
from runner.inspect.check import Check
from runner.inspect.findings import checks_of
from runner.model import (
    Action,
    AutoUpdate,
    Client,
    CoreOffer,
    Extension,
    Finding,
    FindingKind,
    Playbook,
    Policy,
    Severity,
    Site,
    SiteFacts,
    SitePlan,
    Step,
    Translation,
    Unverified,
    View,
)
from runner.plan import PolicyInput, after_health_check, plan_site, site_findings
from runner.steps import registry
from runner.steps.backup import BackupOptions

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv/x")
CLIENT = Client(id="acme", name="Acme")
ORG = "https://downloads.wordpress.org/plugin"
PLUGIN = Extension(
    slug="woo", title="Woo", version="1.0", file="woo/woo.php", offered="1.1", package=f"{ORG}/woo.1.1.zip"
)
OFFER = CoreOffer("6.5.6", "https://downloads.wordpress.org/release/wordpress-6.5.6.zip", decided=True)
PACK = Translation(
    type="plugin",
    slug="woo",
    language="de_DE",
    installed="2026-05-01 08:00:00",
    offered="2026-06-01 08:00:00",
    package="https://downloads.wordpress.org/translation/plugin/woo/1.0/de_DE.zip",
)
FACTS = SiteFacts(
    wordpress="6.5.5",
    php="8.2.1",
    home="http://x.example",
    siteurl="http://x.example",
    root="/srv/x/",
    plugins=(PLUGIN,),
    core_offers=(OFFER,),
    translations=(PACK,),
    core_checked=True,
    plugins_checked=True,
    themes_checked=True,
    database_version=57155,
    database_wanted=57155,
    mysql="5.7.1",
)
KINDS = ("wordpress.plugins", "wordpress.core", "wordpress.languages", "wordpress.database")
BOOK = Playbook(
    name="weekly",
    title="Weekly",
    steps=tuple(Step(id=kind, kind=kind, options=registry()[kind].options()) for kind in KINDS),
)
STOPPING = {Severity.BLOCKS, Severity.FAILS, Severity.HOLDS}


def inputs(policy: Policy | None = None) -> PolicyInput:
    return PolicyInput(site=SITE, client=CLIENT, policy=policy or Policy(), now=NOW)


def plugin(**more: Any) -> dict[str, Any]:
    return {"plugins": (replace(PLUGIN, **more),)}


WORLDS: list[tuple[FindingKind, dict[str, Any]]] = [
    (FindingKind.CRIPPLED, {"crippled": "Uncaught Error in wp-content/plugins/woo/woo.php:1"}),
    (FindingKind.MAINTENANCE, {"maintenance": True}),
    (FindingKind.UNASKED, {"plugins_checked": False}),
    (FindingKind.UNASKED, {"core_checked": False}),
    (FindingKind.FULL_DISK, {"disk_free": 3_000_000}),
    (FindingKind.LITTLE_ROOM, {"disk_free": 30_000_000}),
    (FindingKind.FILE_MODS, {"file_mods_allowed": False}),
    (FindingKind.FTP, {"file_method": "ftpext"}),
    *((FindingKind.UNWRITABLE, {"unwritable": (name,)}) for name in ("root", "admin", "plugins", "upgrade")),
    (FindingKind.UNWRITABLE, {"languages_writable": False}),
    (FindingKind.UNTRUSTED, plugin(untrusted="the site offers 9.9, which wordpress.org does not publish")),
    (FindingKind.DISPUTE, plugin(decided=True, dispute="the site hides this update")),
    (FindingKind.OLD_PHP, plugin(requires_php="8.3")),
    (FindingKind.OLD_PHP, {"web_php": "7.4.33", **plugin(requires_php="8.0")}),
    (FindingKind.OTHER_PHP, {"web_php": "8.1.2"}),
    (FindingKind.OLD_WORDPRESS, plugin(requires_wordpress="6.6")),
    (FindingKind.OLD_DATABASE, {"core_offers": (replace(OFFER, requires_mysql="8.0"),)}),
    (FindingKind.NEWER_DATABASE, {"database_version": 60000}),
    (FindingKind.OWNERSHIP, plugin(ownership="cache belongs to www-data")),
    (FindingKind.OWNERSHIP, {"core_ownership": "wp-admin belongs to www-data"}),
    (FindingKind.HIDDEN, plugin(hidden=True)),
    (FindingKind.LINK, plugin(link="/srv/shared/woo")),
    (FindingKind.LINK, {"translations": (replace(PACK, link="woo-de_DE.mo"),)}),
    (FindingKind.LINKS, {"core_links": 1, "core_fixed": "wp-admin is a link"}),
    (FindingKind.MOUNT, plugin(mount="cache")),
    (FindingKind.MOUNT, {"core_mount": "wp-admin/x"}),
    (FindingKind.LOCKED_FOLDER, plugin(writable=False)),
    (FindingKind.STUBBORN, plugin(stubborn="woo/cache/a.php: Operation not permitted")),
    (FindingKind.STUBBORN, {"core_stubborn": "wp-admin/about.php: Permission denied"}),
    (FindingKind.OTHER_FOLDER, plugin(file="woo-renamed/woo.php")),
    (FindingKind.NEEDS_PLUGIN, plugin(active=True, requires_plugins=("commerce",))),
    (FindingKind.NEEDS_PLUGIN, plugin(requires_plugins=("commerce",))),
    (FindingKind.BLOCKED, {"blocked": ("downloads.wordpress.org",)}),
    (FindingKind.NO_ROOM, {"disk_free": 60_000_000, **plugin(size=20_000)}),
    (FindingKind.EDITED, plugin(edited=("woo/woo.php (changed)", "woo/mine.php (added)"))),
    (FindingKind.WAITS, plugin(waits="wc update")),
    (FindingKind.WAITS, plugin(offered=None, waits="wc update")),
    (FindingKind.LINKED, {"linked": ("wp-content/uploads",)}),
    (FindingKind.STALE_DROP_IN, plugin(offered=None, drop_in="object-cache.php")),
    (FindingKind.CLOSED, plugin(offered=None, closed="closed on wordpress.org since 2026-10-01")),
    (FindingKind.ABOVE, plugin(offered=None, version="10000", published="1.1")),
    (FindingKind.SINGLE_FILE, plugin(file="woo.php")),
    (FindingKind.FOREIGN, plugin(foreign=True)),
    (FindingKind.NO_PACKAGE, plugin(package="")),
    (FindingKind.NO_PACKAGE, {"translations": (replace(PACK, package=""),)}),
    (FindingKind.ODD, {"odd": ("plugins: `a b` is not a name",)}),
    (FindingKind.DEPLOYED, {"project": "/srv/x", **plugin(composer="wpackagist-plugin/woo")}),
    (FindingKind.CHECKOUT, {"checkout": "/srv/x"}),
    (FindingKind.OTHER_EXTENSIONS, {"cli_lacks": ("redis",)}),
    (FindingKind.CACHE_APART, {"caches_apart": ("APCu: it is in the memory of the web server's PHP",)}),
    (FindingKind.OLD_CODE, {"code_age": -1}),
    (FindingKind.OLD_CODE, {"code_age": 60}),
    (FindingKind.UNPROVEN, {"unproven": "not proven to be the site at https://shop.example"}),
    (FindingKind.UNCONFIRMED, {"unconfirmed": "wordpress.org could not be reached: it answered 503"}),
    (
        FindingKind.AUTO_UPDATE,
        {"auto_updates": (AutoUpdate(kind="plugin", key="woo/woo.php", forced="a filter asks for it"),)},
    ),
]
VIEWS: list[tuple[FindingKind, View, Unverified | None]] = [
    (FindingKind.UNHEALTHY, View(findings=("/: answers 500",)), None),
    (FindingKind.UNVERIFIED, View(unverified="the site asks for a password (401)"), Unverified.ASK),
    (FindingKind.UNVERIFIED, View(unverified="the site asks for a password (401)"), Unverified.SKIP),
    (FindingKind.UNVERIFIED, View(unverified="the site asks for a password (401)"), Unverified.KEEP),
    (FindingKind.REFUSED, View(inside=True, refusal="the site asks for a password (401)"), None),
    (FindingKind.USUAL, View(usual_rest="wp-json/: closed"), None),
    (FindingKind.USUAL, View(usual_behind="feed/: 404"), None),
    (FindingKind.USUAL, View(usual="/: a coming-soon page", pages_line="pages: [{path: /}]"), None),
]


def planned(facts: SiteFacts | None, problem: str = "", *, view: View | None = None, rule: Any = None):
    plan = plan_site(inputs(Policy(unverified=rule)), BOOK, facts, problem=problem)
    if view is None:
        return plan
    return after_health_check(
        plan, view, rule, again="sitecrew run weekly -l shop --unverified", tried=set(KINDS)
    )


def said(
    found: SiteFacts | SitecrewError | None, *, view: View | None = None, rule: Any = None
) -> tuple[tuple[Finding, ...], list[Check]]:
    findings = site_findings(SITE, found, view=view, policy=Policy(unverified=rule))
    return findings, list(checks_of(SITE, findings))


def reasons(plan: SitePlan) -> list[str]:
    """The reasons in a plan for what a run does not change."""
    stopped = [change for change in plan.changes if change.action is not Action.CHANGE]
    return [*plan.problems, *(change.why for change in stopped)]


def check_same(findings: tuple[Finding, ...], checks: list[Check], plan: SitePlan) -> None:
    told = [check.finding for check in checks]
    for reason in reasons(plan):
        assert any(reason == text or reason in text or is_of(reason, findings) for text in told), reason
    for finding in findings:
        if finding.severity in STOPPING and finding.kind is not FindingKind.DEPLOYED:
            assert any(finding.what in reason for reason in reasons(plan)), finding
        if finding.severity is Severity.TELLS and finding.kind not in ELSEWHERE:
            notes = (*plan.notes, *(change.note for change in plan.changes))
            assert any(finding.what in note for note in notes), finding
    for problem in plan.problems:
        assert [check.code for check in checks if check.finding == problem] == [ExitCode.FAILED]


ELSEWHERE = {
    FindingKind.AUTO_UPDATE,
    FindingKind.CHECKOUT,
    FindingKind.LINKED,
    FindingKind.USUAL,
    FindingKind.REFUSED,
}
"""Told by the plan in other words where it concerns a change, or of use to the inventory only."""


def is_of(reason: str, findings: tuple[Finding, ...]) -> bool:
    """Whether a reason contains a finding, or is one of several that doctor sums up."""
    composer = any(one.kind is FindingKind.DEPLOYED for one in findings) and "composer require" in reason
    return composer or any(one.what in reason for one in findings)


@pytest.mark.parametrize(("kind", "world"), WORLDS, ids=lambda one: str(one)[:60])
def test_doctor_and_plan_agree_on_every_finding(kind: FindingKind, world: dict[str, Any]) -> None:
    facts = replace(FACTS, **world)
    findings, checks = said(facts)
    assert kind in {finding.kind for finding in findings}
    check_same(findings, checks, planned(facts))


@pytest.mark.parametrize(("kind", "view", "rule"), VIEWS)
def test_doctor_and_plan_agree_on_health_checks(
    kind: FindingKind, view: View, rule: Unverified | None
) -> None:
    findings, checks = said(FACTS, view=view, rule=rule)
    assert kind in {finding.kind for finding in findings}
    plan = planned(FACTS, view=view, rule=rule)
    check_same(findings, checks, plan)
    if kind in {FindingKind.UNHEALTHY, FindingKind.UNVERIFIED} and rule is not Unverified.KEEP:
        assert not [change for change in plan.changes if change.action is Action.CHANGE]
    if rule is Unverified.KEEP:
        assert {change.note for change in plan.changes} == {findings[0].what}


def test_doctor_and_plan_agree_on_an_unreadable_site() -> None:
    error = HostError("shop: the database does not answer", hint="See whether it runs")
    findings, (check,) = said(error)
    assert [finding.kind for finding in findings] == [FindingKind.UNREAD]
    (problem,) = planned(None, error.with_hint).problems
    assert (check.finding, check.code) == ("the database does not answer", ExitCode.FAILED)
    assert check.finding in problem
    assert check.hint.lower() in problem.lower()


def test_healthy_site_has_no_findings() -> None:
    assert said(FACTS, view=View()) == ((), [])
    assert {change.action for change in planned(FACTS, view=View()).changes} == {Action.CHANGE}


def test_every_kind_of_finding_has_a_sample() -> None:
    """A new kind of finding needs a sample to compare doctor, plan and run."""
    tried = {kind for kind, _ in WORLDS} | {kind for kind, *_ in VIEWS} | {FindingKind.UNREAD}
    assert set(FindingKind) - tried == set()


def test_finding_about_several_items_is_reported_once() -> None:
    entries = tuple(replace(PLUGIN, slug=f"p{number}", writable=False) for number in range(8))
    _, checks = said(replace(FACTS, plugins=entries))
    (check,) = [check for check in checks if "its folder" in check.finding]
    assert check.finding == "p0, p1, p2, p3, p4 and 3 more: this login cannot write to its folder"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "a, wp-content/uploads point outside of its folder"),
        ({"follow": ("wp-content/uploads",)}, "a points outside of its folder"),
        ({"follow": ("wp-content/uploads", "a")}, ""),
        ({"include": ("database",)}, ""),
        (None, ""),
    ],
)
def test_plan_notes_links_missing_from_backups(options: Any, told: str) -> None:
    steps = () if options is None else (Step(id="backup", kind="backup", options=BackupOptions(**options)),)
    book = replace(BOOK, steps=steps)
    facts = replace(FACTS, linked=("a", "wp-content/uploads"))
    notes = plan_site(inputs(), book, facts).notes
    assert any(note.startswith(told) for note in notes) if told else not any("follow" in n for n in notes)
