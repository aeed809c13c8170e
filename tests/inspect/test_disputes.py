"""What a site hides or invents is a hint of `doctor`."""

from __future__ import annotations

from dataclasses import replace

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.inspect.findings import checks_of
from runner.model import CoreOffer, Extension, FindingKind, Offers, Release, Site, SiteFacts
from runner.plan import confirm_offers, find

ORG = "https://downloads.wordpress.org/plugin"
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv/x")
ACME = Extension(slug="acme", title="Acme", version="1.0", file="acme/acme.php")
OFFERED = replace(ACME, offered="1.2", package=f"{ORG}/acme.1.2.zip")
PUBLISHED = Release(version="1.2", package=f"{ORG}/acme.1.2.zip")
FACTS = SiteFacts(wordpress="6.5.5", php="8.2", home="http://x", siteurl="http://x")
ASKED = replace(FACTS, core_checked=True, plugins_checked=True, themes_checked=True)


def checks(*entries: Extension, release: Release | None = PUBLISHED, **more: object) -> list[Check]:
    offers = Offers({("plugins", entry.file): release for entry in entries}, **more)  # type: ignore[arg-type]
    said = replace(ASKED, plugins=entries)
    return about_offers(confirm_offers(said, offers))


def about_offers(facts: SiteFacts) -> list[Check]:
    disputes = [one for one in find(SITE, facts) if one.kind in {FindingKind.DISPUTE, FindingKind.UNTRUSTED}]
    return list(checks_of(SITE, disputes))


def test_a_site_that_hides_an_update_gets_a_hint_that_harms_no_run() -> None:
    (check,) = checks(replace(OFFERED, hidden=True))
    assert (check.about, check.code) == ("shop", ExitCode.OK)
    assert check.finding == "acme: the site hides this update: wordpress.org offers 1.2"
    assert "check the site" in check.hint


def test_an_update_that_the_site_invents_is_named() -> None:
    (check,) = checks(replace(OFFERED, offered="9.9"))
    assert check.finding == "acme: the site offers 9.9, which wordpress.org does not publish"


def test_wordpress_itself_that_is_hidden_is_named() -> None:
    (check,) = checks(core={"6.5.5": (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"),)})
    assert check.finding == "WordPress: the site hides this update: wordpress.org offers 6.5.6"


def test_a_site_has_one_hint_that_names_a_few_items() -> None:
    (check,) = checks(*(replace(ACME, slug=f"acme-{n}", file=f"acme-{n}/a.php") for n in range(40)))
    assert check.finding.count("wordpress.org offers 1.2") == 5
    assert check.finding.endswith("; and 35 more")


def test_where_both_say_the_same_or_only_one_knows_there_is_no_hint() -> None:
    private = replace(OFFERED, package="https://vendor.example/")
    assert checks(OFFERED) == []
    assert checks(private, release=None) == []
    said = replace(ASKED, plugins=(OFFERED,))
    assert about_offers(confirm_offers(said, Offers(problem="not asked"))) == []


def test_a_site_that_could_not_ask_hides_nothing() -> None:
    said = replace(FACTS, plugins=(ACME,))
    offers = Offers(
        {("plugins", ACME.file): PUBLISHED}, core={"6.5.5": (CoreOffer("6.5.6", f"{ORG}/6.5.6.zip"),)}
    )
    assert about_offers(confirm_offers(said, offers)) == []
