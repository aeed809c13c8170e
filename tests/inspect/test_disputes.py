"""Doctor shows updates that a site hides or makes up, as hints."""

from __future__ import annotations

from dataclasses import replace

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.inspect.findings import checks_of
from runner.model import CoreOffer, Extension, FindingKind, Offers, Release, Site, SiteFacts
from runner.plan import confirm_offers, site_findings

ORG = "https://downloads.wordpress.org/plugin"
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv/x")
ACME = Extension(slug="acme", title="Acme", version="1.0", file="acme/acme.php")
OFFERED = replace(ACME, offered="1.2", package=f"{ORG}/acme.1.2.zip")
PUBLISHED = Release(version="1.2", package=f"{ORG}/acme.1.2.zip")
FACTS = SiteFacts(wordpress="6.5.5", php="8.2", home="http://x", siteurl="http://x")
CHECKED = replace(FACTS, core_checked=True, plugins_checked=True, themes_checked=True)


def checks(*entries: Extension, release: Release | None = PUBLISHED, **more: object) -> list[Check]:
    offers = Offers({("plugins", entry.file): release for entry in entries}, **more)  # type: ignore[arg-type]
    return disputes(confirm_offers(replace(CHECKED, plugins=entries), offers))


def disputes(facts: SiteFacts) -> list[Check]:
    found = [
        one for one in site_findings(SITE, facts) if one.kind in {FindingKind.DISPUTE, FindingKind.UNTRUSTED}
    ]
    return list(checks_of(SITE, found))


def test_hidden_update_is_a_hint_not_a_failure() -> None:
    (check,) = checks(replace(OFFERED, hidden=True))
    assert (check.about, check.code) == ("shop", ExitCode.OK)
    assert check.finding == "acme: the site hides this update: wordpress.org offers 1.2"
    assert "check the site" in check.hint


def test_unpublished_update_is_named() -> None:
    (check,) = checks(replace(OFFERED, offered="9.9"))
    assert check.finding == "acme: the site offers 9.9, which wordpress.org does not publish"


def test_hidden_core_update_is_named() -> None:
    (check,) = checks(core={"6.5.5": (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"),)})
    assert check.finding == "WordPress: the site hides this update: wordpress.org offers 6.5.6"


def test_disputes_of_a_site_become_one_hint() -> None:
    (check,) = checks(*(replace(ACME, slug=f"acme-{n}", file=f"acme-{n}/a.php") for n in range(40)))
    assert check.finding.count("wordpress.org offers 1.2") == 5
    assert check.finding.endswith("; and 35 more")


def test_no_hint_without_a_contradiction() -> None:
    private = replace(OFFERED, package="https://vendor.example/")
    assert checks(OFFERED) == []
    assert checks(private, release=None) == []
    facts = replace(CHECKED, plugins=(OFFERED,))
    assert disputes(confirm_offers(facts, Offers(problem="not asked"))) == []


def test_site_that_could_not_check_for_updates_hides_nothing() -> None:
    facts = replace(FACTS, plugins=(ACME,))
    offers = Offers(
        {("plugins", ACME.file): PUBLISHED}, core={"6.5.5": (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"),)}
    )
    assert disputes(confirm_offers(facts, offers)) == []
