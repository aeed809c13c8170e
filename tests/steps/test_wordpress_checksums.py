from __future__ import annotations

import base64
import gzip
import resource

import pytest

from runner.model import Outcome, SitePlan, Step, Sums
from runner.steps import Context, Result, registry
from tests.fuzz import endure, hostile
from tests.steps.test_real_wordpress import MARK

KIND = "wordpress.checksums"


SUM, OTHER = "0" * 32, "1" * 32


class Org:
    """A wordpress.org that publishes one file for everything, or does not answer."""

    def __init__(self, *, known=True, problem=""):
        self.sums = Sums({"wp-includes/version.php": (SUM,), "a.php": (SUM,)} if known else {}, problem)

    def core_sums(self, *_):
        return self.sums

    plugin_sums = core_sums


def listing(*core, plugins=(), end=True, packed=False):
    lines = ["= root .", "wp_version = '6.5'", "= sums", *(f"{SUM}  ./{name}" for name in core)]
    lines += ["= content ./wp-content"]
    lines += [f"./wp-content/plugins/{name}/{name}.php: * {header}" for name, header in plugins]
    lines += ["= sums", *(f"{SUM}  ./wp-content/plugins/{name}/a.php" for name, _ in plugins)]
    text = "\n".join([*lines, "= end" if end else "= other", ""])
    if packed:
        return f"\n{MARK} packed\n{base64.encodebytes(gzip.compress(text.encode())).decode()}\n{MARK} end\n"
    return f"\n{MARK} plain\n{text}\n{MARK} end\n"


GOOD = ("wp-includes/version.php", "a.php")
PRO = (("pro", "Plugin Name: Pro"), ("pro", "Version: 1.0"), ("pro", "Update URI: https://pro.example"))


def judged(output, org=None, **options):
    word = registry()[KIND]
    step = Step(id=KIND, kind=KIND, options=word.options(**options))
    context = Context(
        site=None, host=None, plan=SitePlan(site="x", client="c"), mark=MARK, published=org or Org()
    )
    return word.understand(step, Result(status=0, seconds=1, output=output), context)


@pytest.mark.parametrize("packed", [True, False])
def test_many_findings_are_counted_serious_ones_first(packed):
    added = [f"wp-admin/x{n:04}.php" for n in range(4000)]
    done = judged(listing("a.php", *added, packed=packed))
    assert done.outcome is Outcome.FAILED
    assert done.why == (
        "4001 files differ from what wordpress.org published: wp-includes/version.php (missing), "
        "wp-admin/x0000.php (added), wp-admin/x0001.php (added), wp-admin/x0002.php (added), "
        "wp-admin/x0003.php (added) and 3996 more"
    )
    assert done.output.endswith("3901 more findings are not listed")


def test_unverifiable_is_reported_and_no_answer_fails():
    done = judged(listing(*GOOD, plugins=PRO))
    assert (done.outcome, done.why) == (Outcome.OK, "not verifiable: pro")
    done = judged(listing(*GOOD), Org(problem="it answered 503"), on_finding="report")
    assert (done.outcome, done.why) == (Outcome.FAILED, "no answer from wordpress.org about core")


@pytest.mark.parametrize(
    "output",
    [
        listing(*GOOD, end=False), "\nnonsense\n", "", f"\n{MARK} packed\nAAAA\n{MARK} end\n",
        listing(*GOOD, packed=True)[:-40], f"\n{MARK} problem no-folder\n",
        listing().replace("= root .", "x"),
    ],
)  # fmt: skip
def test_incomplete_output_verifies_nothing(output):
    done = judged(output)
    assert done.outcome is Outcome.FAILED
    assert "the check is incomplete" in done.why


def test_gzip_bomb_is_not_unpacked():
    bomb = base64.encodebytes(gzip.compress(b"0" * (200 << 20))).decode()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = judged(f"\n{MARK} packed\n{bomb}\n{MARK} end\n")
    assert "the host's output is larger than the limit" in done.why
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 128 << 10


@pytest.mark.parametrize("packed", [True, False])
def test_hostile_listings_give_an_outcome(packed):
    good = listing(*GOOD, plugins=PRO)
    endure(lambda data: judged(packed_up(data) if packed else data.decode("utf-8", "replace")),
           hostile((good.encode(), listing(*GOOD, packed=True).encode()), 10_000))  # fmt: skip


def packed_up(data):
    packed = base64.b64encode(gzip.compress(data, 1)).decode()
    return f"\n{MARK} packed\n{packed}\n{MARK} end\n"


def test_findings_can_be_only_reported():
    done = judged(listing(*GOOD, "wp-admin/\x1b[31mevil\x9b.php"), on_finding="report")
    assert done.outcome is Outcome.OK
    assert done.why == "1 file differs from what wordpress.org published: wp-admin/evil.php (added)"


@pytest.mark.parametrize(
    "options", [{"core": False, "plugins": False}, {"ignore": ("*",)}, {"ignore": ("/etc/passwd",)}]
)
def test_options_that_check_nothing_are_rejected(options):
    with pytest.raises(ValueError, match=r"nothing to check|is not a path"):
        registry()[KIND].options(**options)


def test_changed_added_and_missing_files_are_found(bakery):
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
    assert {line for line in done.output.splitlines() if ": w" in line and "not verif" not in line} == {
        "changed: wp-includes/load.php",
        "added, with an odd name: wp-admin/added?.php",
        "added: wp-cache-stats.php",
        "missing: wp-content/plugins/akismet/class.akismet.php",
        "added: wp-content/plugins/harbour-forms/shell.php",
        "a link: wp-content/plugins/copper-crumbs/outside",
        "a link: wp-content/plugins/orchard-seo/orchard-seo.php",
    }
    (bakery.path.parent / "orchard-seo.php").unlink()
    ignore = ("wp-admin/*", "wp-includes/load.php", "wp-cache-stats.php", "wp-content/plugins/*")
    assert bakery.once(KIND, ignore=ignore)[0].outcome is Outcome.OK
    assert bakery.once(KIND, core=False, on_finding="report")[0].outcome is Outcome.OK


def test_missing_core_file_is_found_without_booting(bakery):
    (bakery.path / "wp-includes/load.php").unlink()
    done, _ = bakery.once(KIND)
    assert done.outcome is Outcome.FAILED
    assert done.why == "1 file differs from what wordpress.org published: wp-includes/load.php (missing)"


def test_unknown_plugins_are_unverifiable_and_outage_fails(bakery):
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
    assert done.why.startswith("no answer from wordpress.org about ")
