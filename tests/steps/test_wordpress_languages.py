from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import ItemKind, Outcome, Step, Translation
from runner.steps import registry
from runner.steps.wordpress import asked_languages
from tests.steps.test_real_wordpress import told
from tests.steps.wordpress_sites import FACTS

PACKAGE = "https://downloads.wordpress.org/translation/x.zip"
ASKED = replace(FACTS, core_checked=True, plugins_checked=True, themes_checked=True)


def pack(kind, slug, language, installed="", offered="2026-02-01 00:00:00"):
    return Translation(
        type=kind, slug=slug, language=language, installed=installed, offered=offered, package=PACKAGE
    )


OLD = "2026-01-01 00:00:00"
PACKS = (
    pack("core", "default", "de_DE", OLD),
    pack("plugin", "forms", "de_DE", OLD, offered=""),
    pack("plugin", "shop", "de_DE"),
    pack("theme", "mill", "fr_FR"),
)


def propose(facts=ASKED, packs=PACKS, **options):
    word = registry()["wordpress.languages"]
    step = Step(id="s", kind=word.name, options=word.options(**options))
    changes = word.propose(step, replace(facts, translations=packs))
    assert {change.kind for change in changes} <= {ItemKind.LANGUAGE}
    return [(c.item, c.from_version, c.to_version, c.action.value, c.why) for c in changes]


def test_newer_packs_are_proposed_with_dates():
    assert propose() == [
        ("de_DE core", OLD, "2026-02-01 00:00:00", "change", ""),
        ("de_DE plugin shop", "", "2026-02-01 00:00:00", "change", ""),
    ]
    assert propose(update="none") == []


def test_requested_language_is_installed_or_unknown():
    assert [item for item, *_ in propose(update="none", install=("de_DE",))] == ["de_DE plugin shop"]
    *_, (item, _, _, action, why) = propose(update="none", install=("fr_FR",))
    assert (item, action) == ("fr_FR core", "unknown")
    assert why == "wordpress.org has no fr_FR translation of WordPress 6.5.5"
    assert propose(update="none", install=("en_US",)) == []


def test_missing_answer_is_unknown():
    facts = replace(ASKED, core_checked=False)
    found = propose(facts, packs=PACKS[:1])
    assert [(item, action) for item, _, _, action, _ in found] == [
        ("languages", "unknown"),
        ("de_DE core", "unknown"),
    ]
    assert found[0][-1] == "no answer from wordpress.org on newer translations of core"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"languages_writable": False}, "this login cannot write to the folder of translations"),
        ({"file_mods_allowed": False}, "the site forbids changes to its files (DISALLOW_FILE_MODS)"),
    ],
)
def test_unwritable_pack_is_held(facts, why):
    assert {(action, reason) for *_, action, reason in propose(replace(ASKED, **facts))} == {("hold", why)}


@pytest.mark.parametrize("language", ["german", "de-DE", "../x", ""])
def test_invalid_language_is_rejected(language):
    with pytest.raises(ValueError, match="is not a WordPress language code"):
        registry()["wordpress.languages"].options(install=(language,))


def test_facts_include_requested_languages():
    word = registry()["wordpress.languages"]
    steps = [
        Step(id=str(n), kind=word.name, options=word.options(install=("fr_FR", "de_DE")[: n + 1]))
        for n in (0, 1)
    ]
    assert asked_languages(steps) == ("fr_FR", "de_DE")


def test_packs_reach_the_offered_dates(network):
    done = network.step("wordpress.languages")
    assert {(c.item, c.from_version, c.to_version, c.outcome) for c in done.changes} == {
        ("de_DE core", "2026-02-03 08:00:00", "2026-09-14 10:30:00", Outcome.CHANGED),
        ("de_DE plugin harbour-forms", "2026-03-01 12:00:00", "2026-10-05 12:00:00", Outcome.CHANGED),
    }
    folder = network.path / "wp-content/languages"
    assert "Anmelden" in (folder / "de_DE.l10n.php").read_text()
    assert "Absenden" in (folder / "plugins/harbour-forms-de_DE.po").read_text()
    assert network.step("wordpress.languages").outcome is Outcome.OK


def test_language_is_installed_without_background_updates(network):
    network.languages = ("fr_FR",)
    known = "echo count( wp_get_translation_updates() );"
    network.facts()
    assert network.wp("eval", known) == "2"
    done = network.step("wordpress.languages", update="none", install=("fr_FR",))
    assert told(done) == dict.fromkeys(
        ("fr_FR core", "fr_FR plugin harbour-forms", "fr_FR theme millstone"), ("changed", "")
    )
    assert network.step("wordpress.languages", update="none", install=("fr_FR",)).outcome is Outcome.OK


def test_harmful_or_wrong_packs_are_rolled_back(network):
    newer = "2026-11-01 00:00:00"
    publish = network.fleet.catalogue.translation
    publish("core", "default", "de_DE", newer, {"Log In": "x"}, bad="php")
    publish("plugins", "harbour-forms", "de_DE", newer, {"Send": "x"}, bad="old")
    folder = network.path / "wp-content/languages"
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    done = network.step("wordpress.languages")
    assert told(done) == {
        "de_DE core": ("failed", "de_DE.l10n.php in the pack is not valid PHP"),
        "de_DE plugin harbour-forms": (
            "failed",
            "the date of the pack is 2020-01-01 00:00:00, not 2026-11-01 00:00:00",
        ),
    }
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


def test_broken_download_and_outage_give_reasons(network):
    publish = network.fleet.catalogue.translation
    publish("plugins", "harbour-forms", "de_DE", "2026-11-01 00:00:00", {"Send": "x"}, bad="zip")
    done = network.step("wordpress.languages")
    assert told(done)["de_DE core"] == ("changed", "")
    assert told(done)["de_DE plugin harbour-forms"][1].startswith("The package could not be installed.")
    with network.fleet.catalogue.switched(outage=True):
        done = network.step("wordpress.languages")
    assert done.outcome is Outcome.FAILED
    assert done.why.startswith("languages: no answer from wordpress.org on newer translations of core")
