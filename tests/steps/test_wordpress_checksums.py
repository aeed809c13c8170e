from __future__ import annotations

import json

import pytest

from runner.model import Outcome
from runner.steps import registry
from tests.steps.test_real_wordpress import MARK
from tests.steps.wordpress_sites import understand

KIND = "wordpress.checksums"


def said(*subjects, end=True):
    lines = [{"subject": name, "version": "1.0", "why": "", **more} for name, more in subjects]
    lines += [{"end": True}] if end else []
    return "".join(f"\n{MARK} {json.dumps(line)}\n" for line in lines)


def found(count, *findings):
    return {"state": "verified", "count": count, "findings": list(findings)}


def test_a_flood_of_findings_is_counted_and_what_is_grave_is_named_first():
    findings = [["added", f"wp-admin/x{n}.php"] for n in range(100)]
    core = ("core", found(4000, *findings, ["changed", "wp-includes/load.php"]))
    done = understand(KIND, said(core))
    assert done.outcome is Outcome.FAILED
    assert done.why == (
        "4000 files are not what wordpress.org published: wp-includes/load.php (changed), wp-admin/x0.php "
        "(added), wp-admin/x1.php (added), wp-admin/x2.php (added), wp-admin/x3.php (added) and 3995 more"
    )
    assert done.output.endswith("3899 more are not listed")


def test_what_nobody_can_verify_is_said_and_what_could_not_be_asked_is_never_well():
    premium = ("pro", {"state": "unverifiable", "why": "no list", "count": 0, "findings": []})
    done = understand(KIND, said(("core", found(0)), premium))
    assert (done.outcome, done.why) == (Outcome.OK, "not verifiable: pro")
    unasked = ("akismet", {"state": "unasked", "why": "", "count": 0, "findings": []})
    done = understand(KIND, said(("core", found(0)), unasked), on_finding="report")
    assert (done.outcome, done.why) == (Outcome.FAILED, "wordpress.org could not be asked about akismet")


def test_a_program_that_came_to_no_end_has_verified_nothing():
    done = understand(KIND, said(("core", found(0)), end=False), status=1)
    assert done.outcome is Outcome.FAILED
    assert "not all could be looked at" in done.why
    assert understand(KIND, "\nnonsense\n", status=1).outcome is Outcome.FAILED


def test_a_finding_may_be_only_reported_and_names_are_cleaned():
    core = ("core", found(1, ["added", "wp-admin/\x1b[31mevil\n.php"]))
    done = understand(KIND, said(core), on_finding="report")
    assert done.outcome is Outcome.OK
    assert done.why == "1 file is not what wordpress.org published: wp-admin/evil .php (added)"


@pytest.mark.parametrize(
    "options", [{"core": False, "plugins": False}, {"ignore": ("*",)}, {"ignore": ("/etc/passwd",)}]
)
def test_options_that_would_look_at_nothing_are_mistakes(options):
    with pytest.raises(ValueError, match=r"nothing to look at|is not a file"):
        registry()[KIND].options(**options)


def test_changed_added_and_missing_files_are_found_by_name_and_links_are_not_followed(bakery):
    done, _ = bakery.once(KIND)
    assert (done.outcome, done.why) == (Outcome.OK, "")
    plugins = bakery.path / "wp-content/plugins"
    with (bakery.path / "wp-includes/load.php").open("a") as file:
        file.write("\n// touched\n")
    (bakery.path / "wp-admin/added\n.php").write_text("x")
    (bakery.path / "wp-cache-stats.php").write_text("x")
    (bakery.path / "readme.html").unlink(missing_ok=True)
    (plugins / "akismet/class.akismet.php").unlink()
    (plugins / "harbour-forms/shell.php").write_text("x")
    (plugins / "harbour-forms/readme.txt").write_text("another readme")
    (plugins / "copper-crumbs/outside").symlink_to("/etc")
    main = plugins / "orchard-seo/orchard-seo.php"
    main.rename(bakery.path.parent / "orchard-seo.php")
    main.symlink_to(bakery.path.parent / "orchard-seo.php")
    done, _ = bakery.once(KIND)
    assert done.outcome is Outcome.FAILED
    assert {line for line in done.output.splitlines() if ": w" in line} == {
        "changed: wp-includes/load.php",
        "added: wp-admin/added .php",
        "added: wp-cache-stats.php",
        "missing: wp-content/plugins/akismet/class.akismet.php",
        "added: wp-content/plugins/harbour-forms/shell.php",
        "added: wp-content/plugins/copper-crumbs/outside",
        "a link that leads out of the site: wp-content/plugins/orchard-seo/orchard-seo.php",
    }
    (bakery.path.parent / "orchard-seo.php").unlink()
    ignore = ("wp-admin/*", "wp-includes/load.php", "wp-cache-stats.php", "wp-content/plugins/*")
    assert bakery.once(KIND, ignore=ignore)[0].outcome is Outcome.OK
    assert bakery.once(KIND, core=False, on_finding="report")[0].outcome is Outcome.OK


def test_a_missing_file_that_keeps_wordpress_from_starting_is_named(bakery):
    (bakery.path / "wp-includes/load.php").unlink()
    done, _ = bakery.once(KIND)
    assert done.outcome is Outcome.FAILED
    assert done.why.startswith("1 file is not what wordpress.org published: wp-includes/load.php (missing); ")


def test_plugins_that_wordpress_org_does_not_know_are_not_verifiable_and_an_outage_is_a_failure(bakery):
    plugins = bakery.path / "wp-content/plugins"
    private = plugins / "harbour-forms/harbour-forms.php"
    private.write_text(private.read_text().replace("Version:", "Update URI: https://x.example/\n * Version:"))
    (plugins / "acme-own").mkdir()
    (plugins / "acme-own/acme-own.php").write_text("<?php\n/* Plugin Name: Own\nVersion: 1.0 */")
    (plugins / "single.php").write_text("<?php\n/* Plugin Name: Single\nVersion: 1.0 */")
    done, _ = bakery.once(KIND, core=False)
    assert (done.outcome, done.why) == (Outcome.OK, "not verifiable: acme-own, harbour-forms, single")
    with bakery.fleet.catalogue.switched(outage=True):
        done, _ = bakery.once(KIND, core=False)
    assert done.outcome is Outcome.FAILED
    assert done.why.startswith("wordpress.org could not be asked about acme-own, akismet")
