"""The steps on real WordPress sites, by ssh; lab/spec.py and lab/catalogue.py list their offers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from runner.errors import HostError
from runner.model import Host, Outcome, Site, SiteFacts, SitePlan, Step, StepOutcome
from runner.steps import Context, Result, Script, registry
from runner.steps.backup import database_script, dump_is_complete
from runner.steps.wordpress import facts_script, parse_facts

MARK = "m4rk7f3a"
SHELLS = ("dash", "bash", "busybox ash")


@dataclass
class Worker:
    """Runs steps on one site: reads, plans without policy, runs, reads again."""

    fleet: object
    name: str

    @property
    def path(self):
        return self.fleet.sites[self.name].path

    @property
    def site(self):
        here = self.fleet.sites[self.name]
        return Site(name=self.name, client=here.client, host=here.host, url=here.url, path=str(here.path))

    @property
    def host(self):
        return Host(name=self.site.host, address=self.fleet.hosts[self.site.host].address)

    def run(self, script: Script, shell="sh") -> subprocess.CompletedProcess:
        host = self.fleet.hosts[self.site.host]
        options = (f"UserKnownHostsFile={self.fleet.known_hosts}", "IdentitiesOnly=yes", "BatchMode=yes")
        flags = [part for option in options for part in ("-o", option)]
        target = f"{host.user}@{host.address}"
        command = ["ssh", *flags, "-p", str(host.port), "-i", str(self.fleet.identity_file), target, shell]
        return subprocess.run(
            command, input=script.text.encode(), capture_output=True, check=False, timeout=120
        )

    def facts(self, *, check_updates=True, shell="sh", site=None, dates=False) -> SiteFacts:
        asked = {"check_updates": check_updates, "dates": dates}
        done = self.run(facts_script(site or self.site, self.host, MARK, **asked), shell)
        return parse_facts((done.stdout + done.stderr).decode(), MARK)

    def step(self, kind, *, meanwhile=None, plan=None, **options) -> StepOutcome:
        """One step from facts to outcome; `meanwhile` happens between the plan and the change."""
        word = registry()[kind]
        step = Step(id=kind, kind=kind, options=word.options(**options))
        before = self.facts()
        changes = word.propose(step, before)
        planned = SitePlan(site=self.name, client="c", changes=plan(changes) if plan else changes)
        tag = f"t{time.monotonic_ns()}"
        context = Context(site=self.site, host=self.host, plan=planned, mark=MARK, tag=tag, before=before)
        script = word.script(step, context)
        if script is None:
            return word.idle(step, context)
        if meanwhile:
            meanwhile()
        began = time.monotonic()
        if guard := word.guard(step, context, tag):
            assert self.run(guard.save).returncode == 0
        done = self.run(script)
        output = (done.stdout + done.stderr).decode()
        result = Result(status=done.returncode, seconds=time.monotonic() - began, output=output)
        try:
            context = replace(context, after=self.facts(check_updates=False))
        except HostError as error:
            context = replace(context, after_problem=str(error))
        return word.understand(step, result, context)


@pytest.fixture
def shop(fresh_fleet):
    return Worker(fresh_fleet, "acme-shop")


def told(outcome):
    return {c.item: (c.outcome.value, c.why) for c in outcome.changes}


def patch_plugin(worker, slug, code):
    """Add code to an installed plugin; its owner stays."""
    with (worker.path / f"wp-content/plugins/{slug}/{slug}.php").open("a") as file:
        file.write(f"\n{code}\n")


@contextmanager
def patched(worker, slug, code):
    main = worker.path / f"wp-content/plugins/{slug}/{slug}.php"
    text = main.read_text()
    patch_plugin(worker, slug, code)
    yield
    main.write_text(text)


@pytest.mark.parametrize("shell", SHELLS)
def test_facts_are_read_in_every_shell(fleet, shell):
    worker = Worker(fleet, "acme-shop")
    facts = worker.facts(shell=shell)
    assert (facts.wordpress, facts.core_checked, facts.plugins_checked, facts.themes_checked) == (
        "6.5.5",
        True,
        True,
        True,
    )
    offered = {p.slug: (p.version, p.offered, p.active) for p in facts.plugins if p.offered}
    assert offered["lantern-gallery"] == ("2.3.0", "2.4.1", True)
    assert offered["tidewater-hours"] == ("1.1.0", "1.2.0", False)
    assert {t.slug: t.offered for t in facts.themes}["millstone"] == "1.5.0"
    assert "7.1.2" in {offer.version for offer in facts.core_offers}
    assert (facts.unwritable, facts.file_method, facts.maintenance, facts.crippled) == (
        (),
        "direct",
        False,
        "",
    )


def test_release_dates_are_queried_only_on_request(fleet):
    worker = Worker(fleet, "acme-shop")
    plain, dated = worker.facts(), worker.facts(dates=True)
    assert {one.released for one in (*plain.plugins, *plain.themes)} == {""}
    when = {one.slug: one.released for one in (*dated.plugins, *dated.themes)}
    assert when["harbour-forms"] == when["millstone"] == "2026-10-01 09:00:00"
    assert when["copper-crumbs"] == ""  # nothing newer is offered


def test_facts_need_one_boot_and_three_requests(shop):
    boots = shop.path / "wp-content/boots"
    code = f"<?php file_put_contents( '{boots}', 'x', FILE_APPEND );"
    (shop.path / "wp-content/mu-plugins/count.php").write_text(code)
    boots.write_text("")
    boots.chmod(0o666)
    shop.fleet.catalogue.forget()
    shop.facts()
    assert boots.read_text() == "x"
    asked = [request.path.split("?")[0] for request in shop.fleet.catalogue.requests()]
    assert len(asked) == 3, asked


def test_outage_is_reported_and_keeps_known_offers(shop):
    known = shop.facts()
    with shop.fleet.catalogue.switched(outage=True):
        facts = shop.facts()
    assert (facts.core_checked, facts.plugins_checked, facts.themes_checked) == (False, False, False)
    assert [p.offered for p in facts.plugins] == [p.offered for p in known.plugins]
    assert replace(shop.facts(), disk_free=None) == replace(known, disk_free=None)


FATALS = {
    "boom();": "Uncaught Error: Call to undefined function boom() in wp-content/plugins/harbour-forms/",
    "if ( true { }": "syntax error, unexpected token",
    "echo 'bye'; exit;": "WordPress exited without an error message; it printed: bye",
    "while ( true ) $x[] = str_repeat( 'x', 1e6 );": "Allowed memory size of 536870912 bytes exhausted",
}
NOISES = (
    'echo \'no newline {"wordpress": "1"}\';',
    'for ( $i = 0; $i < 50000; $i++ ) echo "flood $i\\n";',
    "ob_start( function () { return ''; } );",
    "trigger_error( 'hello', E_USER_WARNING );",
    "register_shutdown_function( function () { boom(); } );",
)


def test_site_with_fatal_plugin_is_read_without_it(shop):
    for code, reason in FATALS.items():
        with patched(shop, "harbour-forms", code):
            facts = shop.facts()
        assert facts.crippled.startswith(reason)
        assert facts.wordpress == "6.5.5"
        assert {p.slug for p in facts.plugins if p.active} >= {"harbour-forms", "lantern-gallery"}


def test_plugin_output_does_not_disturb_facts(shop):
    for code in NOISES:
        with patched(shop, "harbour-forms", code):
            assert shop.facts().crippled == "", code


def test_unreadable_site_gives_a_reason(shop):
    config = shop.path / "wp-config.php"
    text = config.read_text()
    for broken, why in (
        (text.replace("DB_NAME', '", "DB_NAME', 'no_"), "the database does not answer"),
        (None, "wp-config.php is missing"),
    ):
        config.write_text(broken) if broken else config.unlink()
        with pytest.raises(HostError, match=why):
            shop.facts()
    with pytest.raises(HostError, match="the site's folder does not exist"):
        shop.facts(site=replace(shop.site, path="/srv/nowhere"))


def test_plugin_batch_is_updated_in_one_boot(shop):
    done = shop.step("wordpress.plugins", update="all", exclude=("orchard-seo",))
    assert (done.outcome, done.why) == (Outcome.CHANGED, "")
    outcomes = {item: outcome for item, (outcome, _) in told(done).items()}
    assert outcomes == {
        "akismet": "changed",
        "harbour-forms": "changed",
        "lantern-gallery": "changed",
        "orchard-seo": "skipped",
        "tidewater-hours": "changed",
    }
    active = {p.slug for p in shop.facts(check_updates=False).plugins if p.active}
    assert active == {"akismet", "harbour-forms", "lantern-gallery", "orchard-seo", "copper-crumbs"}
    assert shop.step("wordpress.plugins", exclude=("orchard-seo",)).outcome is Outcome.OK


def test_themes_are_updated(shop):
    done = shop.step("wordpress.themes")
    assert (done.outcome, set(told(done).values())) == (Outcome.CHANGED, {("changed", "")})
    assert set(told(done)) == {"millstone", "ferry-landing"}


def test_wrong_packages_are_refused_before_any_change(shop):
    publish = shop.fleet.catalogue.plugin
    publish("harbour-forms", "1.8.2", zip_version="1.9.0")
    publish("lantern-gallery", "2.5.0", package=os.urandom(4000))
    publish("orchard-seo", "5.0.0", missing=True)
    publish("tidewater-hours", "1.3.0", main="hours.php")
    done = shop.step("wordpress.plugins")
    assert told(done) == {
        "akismet": ("changed", ""),
        "harbour-forms": ("failed", "the version of the package is 1.8.2, not 1.9.0"),
        "lantern-gallery": ("failed", "the package is not a complete zip archive"),
        "orchard-seo": ("failed", "Download failed. Not Found"),
        "tidewater-hours": ("failed", "the package does not contain tidewater-hours/tidewater-hours.php"),
    }
    versions = {p.slug: p.version for p in shop.facts().plugins}
    assert versions["harbour-forms"] == "1.8.2"


def test_changed_offer_is_refused_alone(shop):
    def meanwhile():
        shop.fleet.catalogue.plugin("harbour-forms", "1.9.0")
        shop.fleet.wp("acme-shop", "transient", "delete", "update_plugins", "--network")

    done = shop.step("wordpress.plugins", update=("harbour-forms", "lantern-gallery"), meanwhile=meanwhile)
    assert told(done) == {
        "harbour-forms": ("failed", "the offer changed from 1.8.3 to 1.9.0"),
        "lantern-gallery": ("changed", ""),
    }


def test_culprit_is_named_if_site_no_longer_starts(shop):
    shop.fleet.catalogue.plugin("harbour-forms", "1.9.0", php="boom();")
    done = shop.step("wordpress.plugins", update=("harbour-forms", "lantern-gallery"))
    outcome, why = told(done)["harbour-forms"]
    assert (done.outcome, outcome) == (Outcome.FAILED, "failed")
    assert why.startswith("the site does not start with it: Uncaught Error: Call to undefined function")
    assert told(done)["lantern-gallery"] == ("changed", "")


def test_fatal_error_leaves_later_items_unchanged(shop):
    die = "if ( 'harbour-forms/harbour-forms.php' === $x['plugin'] ) boom(); return $r;"
    patch_plugin(
        shop,
        "copper-crumbs",
        f"add_filter( 'upgrader_post_install', function ( $r, $x ) {{ {die} }}, 10, 2 );",
    )
    done = shop.step("wordpress.plugins", update=("akismet", "harbour-forms", "lantern-gallery"))
    outcomes = {item: outcome for item, (outcome, _) in told(done).items()}
    assert outcomes == {"akismet": "changed", "harbour-forms": "changed", "lantern-gallery": "failed"}
    assert told(done)["lantern-gallery"][1].startswith(
        "not done: PHP died: Uncaught Error: Call to undefined"
    )


def test_unwritable_folder_loses_nothing(shop):
    plugins = shop.path / "wp-content/plugins"
    owner = plugins.owner()

    def lock():
        shutil.chown(plugins, "root", "root")
        plugins.chmod(0o755)

    try:
        done = shop.step("wordpress.plugins", update=("harbour-forms",), meanwhile=lock)
        assert told(done)["harbour-forms"][1].startswith("this login cannot write to /")
        held = shop.step("wordpress.plugins", update=("harbour-forms",))
        assert (held.outcome, held.why) == (Outcome.HELD, "this login cannot write to the plugins' folder")
    finally:
        shutil.chown(plugins, owner, owner)
    assert (plugins / "harbour-forms/harbour-forms.php").exists()


def test_site_stays_online_during_slow_downloads(shop):
    import threading
    import urllib.request

    url, stop, failed, seen = shop.site.url, threading.Event(), [], []

    def visit():
        while not stop.is_set():
            try:
                with urllib.request.urlopen(f"{url}/?x={time.monotonic_ns()}", timeout=10) as answer:  # noqa: S310
                    seen.append(answer.status)
            except OSError as error:
                failed.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    with shop.fleet.catalogue.switched(delay={"harbour-forms": 2.0}):
        for visitor in visitors:
            visitor.start()
        done = shop.step("wordpress.plugins", update=("akismet", "harbour-forms", "lantern-gallery"))
        stop.set()
        for visitor in visitors:
            visitor.join()
    assert done.outcome is Outcome.CHANGED
    assert failed == []
    assert len(seen) > 50


def test_broken_update_does_not_mail_the_client(shop):
    shop.fleet.catalogue.plugin("harbour-forms", "1.9.0", php="boom();")
    shop.step("wordpress.plugins", update=("harbour-forms",))
    mails = set(shop.fleet.sent_by_sites.glob("*.eml"))
    for page in ("/wp-login.php", "/wp-admin/", "/"):
        subprocess.run(["curl", "-s", "-o", "/dev/null", shop.site.url + page], check=True)
    assert set(shop.fleet.sent_by_sites.glob("*.eml")) == mails
    until = int(
        shop.fleet.wp("acme-shop", "--skip-plugins", "option", "get", "recovery_mode_email_last_sent")
    )
    assert 0 < until + 24 * 3600 - time.time() <= 1800


@pytest.mark.long
def test_core_and_database_reach_the_planned_version(shop):
    minor = shop.step("wordpress.core", update="minor")
    assert (minor.outcome, [change.to_version for change in minor.changes]) == (Outcome.CHANGED, ["6.5.6"])
    done = shop.step("wordpress.core", update="all", plan=lambda changes: changes[-1:])
    assert (done.outcome, done.why) == (Outcome.CHANGED, "")
    after = shop.facts()
    assert (after.wordpress, after.maintenance) == ("7.1.2", False)
    assert after.database_version == after.database_wanted


@pytest.mark.long
def test_outdated_database_is_upgraded(shop):
    wanted = shop.facts().database_wanted
    shop.fleet.sql("acme-shop", "update wp_options set option_value = 57000 where option_name = 'db_version'")
    done = shop.step("wordpress.database")
    assert told(done) == {"database": ("changed", "")}
    assert done.changes[0].to_version == str(wanted)


def test_unlicensed_plugin_is_held_and_its_key_stays(shop):
    offer = {
        "new_version": "9.0",
        "package": "https://vendor.example/get?licence=s3cr3t",
        "slug": "copper-crumbs",
    }
    for package, expected in ((offer["package"], "https://vendor.example/"), ("", "")):
        said = json.dumps({**offer, "package": package})
        patch_plugin(
            shop,
            "copper-crumbs",
            "add_filter( 'site_transient_update_plugins', function ( $t ) { if ( is_object( $t ) ) "
            f"$t->response['copper-crumbs/copper-crumbs.php'] = json_decode( '{said}' ); return $t; }} );",
        )
        facts = shop.facts()
        assert {p.slug: p.package for p in facts.plugins}["copper-crumbs"] == expected
        assert "s3cr3t" not in repr(facts)
    held = shop.step("wordpress.plugins", update=("copper-crumbs",))
    assert (held.outcome, held.why[:26]) == (Outcome.HELD, "offered without a package ")


def test_dump_with_difficult_password_is_complete(fleet):
    blog = Worker(fleet, "acme-blog")
    done = blog.run(database_script(blog.site, blog.host, MARK))
    assert done.returncode == 0, done.stderr
    text = gzip.decompress(done.stdout)
    assert dump_is_complete(text[-100:])
    assert b"Hard water makes a tighter crumb" in text


def test_killed_core_upgrader_leaves_the_site_intact(shop):
    word = registry()["wordpress.core"]
    step = Step(id="core", kind="wordpress.core", options=word.options(update="7.1.2"))
    before = replace(shop.facts(), core_fixed="wp-includes is a link")
    plan = SitePlan(site="acme-shop", client="acme", changes=word.propose(step, before))
    assert plan.changes[0].why == "maintenance mode during the update: wp-includes is a link"
    context = Context(site=shop.site, host=shop.host, plan=plan, mark=MARK, tag="t", before=before)
    guard = word.guard(step, context, "t")
    assert shop.run(guard.save).returncode == 0
    flag = shop.path / ".maintenance"
    (shop.path / "wp-content/mu-plugins/die.php").write_text(
        "<?php add_filter( 'update_feedback', function ( $said ) { "
        "if ( strpos( $said, 'Disabling' ) === 0 ) posix_kill( getmypid(), 9 ); return $said; } );"
    )
    shop.run(word.script(step, context))
    assert flag.exists()
    cleanup = Script(text=word.cleanup(step, context))
    for _ in range(2):
        assert shop.run(guard.settle).returncode == 0
        assert shop.run(cleanup).returncode == 0
        assert not flag.exists()
        assert "verifies" in shop.fleet.wp("acme-shop", "core", "verify-checksums")
