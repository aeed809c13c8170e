from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from lab import LabError

if TYPE_CHECKING:
    from lab import Fleet


def ask(fleet: Fleet, path: str) -> bytes:
    url = f"http://{fleet.spec.services}:{fleet.spec.wporg_port}{path}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def listed(fleet: Fleet, site: str, kind: str = "plugin") -> dict[str, dict[str, Any]]:
    fields = "--fields=name,status,update,version,update_version"
    said = fleet.wp(site, kind, "list", fields, "--format=json")
    return {one["name"]: one for one in json.loads(said[said.index('[{"') :])}


def test_old_plugins_themes_and_cores_have_genuine_updates(fleet: Fleet) -> None:
    plugins = listed(fleet, "acme-shop")
    offered = {name: one["update_version"] for name, one in plugins.items() if one["update"] == "available"}
    assert offered == {
        "akismet": "5.7.2",
        "harbour-forms": "1.8.3",
        "lantern-gallery": "2.4.1",
        "orchard-seo": "4.0.0",
        "tidewater-hours": "1.2.0",
    }
    themes = listed(fleet, "acme-shop", "theme")
    assert {name for name, one in themes.items() if one["update"] == "available"} == {
        "millstone",
        "ferry-landing",
    }
    assert themes["millstone"]["status"] == "active"
    cores = json.loads(fleet.wp("acme-shop", "core", "check-update", "--format=json"))
    assert {one["version"]: one["update_type"] for one in cores} == {"6.5.6": "minor", "7.1.2": "major"}


def test_the_noisy_plugin_prints_before_any_answer(fleet: Fleet) -> None:
    assert fleet.wp("globex-www", "option", "get", "home").startswith("[klaxon] {")


def test_the_files_of_a_site_match_the_published_checksums(fleet: Fleet) -> None:
    for name in ("acme-shop", "acme-blog", "globex-www"):
        assert "verifies against checksums" in fleet.wp(name, "core", "verify-checksums")
        assert "Success" in fleet.wp(name, "plugin", "verify-checksums", "--all", "--strict")


def test_an_outage_answers_503_to_everything(fleet: Fleet) -> None:
    with fleet.catalogue.switched(outage=True):
        for path in ("/core/version-check/1.7/", "/plugin/akismet.5.7.2.zip"):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                ask(fleet, path)
    assert ask(fleet, "/plugin/akismet.5.7.2.zip").startswith(b"PK")


def test_during_an_outage_wp_cli_says_that_there_is_nothing_to_do(fresh_fleet: Fleet) -> None:
    with fresh_fleet.catalogue.switched(outage=True):
        assert {one["update"] for one in listed(fresh_fleet, "acme-blog").values()} <= {"none", False}


def test_downloads_can_be_slow_and_cut_by_slug(fleet: Fleet) -> None:
    with fleet.catalogue.switched(delay={"akismet": 0.3}, cut={"harbour-forms": 100}):
        began = time.monotonic()
        ask(fleet, "/plugin/akismet.5.7.2.zip")
        assert time.monotonic() - began > 0.3
        with pytest.raises(http.client.IncompleteRead) as cut:
            ask(fleet, "/plugin/harbour-forms.1.8.3.zip")
        assert len(cut.value.partial) == 100
        ask(fleet, "/plugin/orchard-seo.4.0.0.zip")


def test_a_published_version_is_offered_updated_and_seen_in_the_log(fresh_fleet: Fleet) -> None:
    fresh_fleet.catalogue.plugin("harbour-forms", "2.0.0", php="// nothing left")
    fresh_fleet.wp("acme-shop", "plugin", "update", "harbour-forms")
    assert listed(fresh_fleet, "acme-shop")["harbour-forms"]["version"] == "2.0.0"
    assert [one.path for one in fresh_fleet.catalogue.downloads()] == ["/plugin/harbour-forms.2.0.0.zip"]


@pytest.mark.long
def test_a_header_may_lie_about_its_version(fresh_fleet: Fleet) -> None:
    fresh_fleet.catalogue.plugin("copper-crumbs", "0.9.7", zip_version="0.9.8")
    fresh_fleet.wp("acme-shop", "plugin", "update", "copper-crumbs")
    assert listed(fresh_fleet, "acme-shop")["copper-crumbs"]["version"] == "0.9.7"


def test_a_package_may_be_missing_or_broken(fresh_fleet: Fleet) -> None:
    fresh_fleet.catalogue.plugin("copper-crumbs", "1.0.0", missing=True)
    with pytest.raises(LabError, match="Not Found"):
        fresh_fleet.wp("acme-shop", "plugin", "update", "copper-crumbs")
    fresh_fleet.catalogue.plugin("harbour-forms", "1.9.0", package=b"not a zip at all")
    with pytest.raises(LabError, match="could not be installed"):
        fresh_fleet.wp("acme-shop", "plugin", "update", "harbour-forms")


def test_a_hidden_version_is_not_offered(fleet: Fleet) -> None:
    with fleet.catalogue.switched(hidden=("core/7.1.2", "core/7.1.1")):
        said = json.loads(ask(fleet, "/core/version-check/1.7/?version=6.5.5"))
    assert [offer["version"] for offer in said["offers"]] == ["6.5.6", "6.5.6"]


def test_mail_that_a_site_sends_is_kept_and_goes_nowhere(fresh_fleet: Fleet) -> None:
    fresh_fleet.wp("acme-shop", "eval", "wp_mail('someone@acme.example', 'Hello', 'from PHP');")
    user = fresh_fleet.hosts["web1"].user
    kept = sorted(fresh_fleet.sent_by_sites.glob(f"{user}.*.eml"))
    assert "Subject: Hello" in kept[-1].read_text()


def test_sites_cannot_reach_the_internet(fleet: Fleet) -> None:
    said = fleet.wp("acme-shop", "eval", "echo wp_remote_get('https://example.org/')->get_error_message();")
    assert said == "there is no internet here: https://example.org/"
