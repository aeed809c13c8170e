from __future__ import annotations

import json
from datetime import timedelta

import pytest

from runner.model import Outcome
from runner.steps import registry
from tests.steps.test_real_wordpress import MARK
from tests.steps.wordpress_sites import understand

KIND = "wordpress.cron"
HOOKS = """<?php
add_action( 'lab_note', function ( $extra = '' ) {
	update_option( 'lab_note', get_current_blog_id() . $extra );
	echo 'noise';
} );
add_action( 'lab_boom', function () { if ( 3 === get_current_blog_id() ) boom(); } );
add_action( 'lab_exit', function () { exit; } );
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run": ("wp_version_check",)}, "lets WordPress update itself"),
        ({"run": ("wp_maybe_auto_update",)}, "lets WordPress update itself"),
        ({"due": True}, "needs the names of hooks"),
        ({"run": ("a b",)}, "is not a valid hook name"),
        ({"run": ("--due-now",)}, "is not a valid hook name"),
    ],
)
def test_hooks_that_update_wordpress_are_rejected(options, words):
    with pytest.raises(ValueError, match=words):
        registry()[KIND].options(**options)
    assert registry()[KIND].options(run=("wp_version_check",), updates=True).updates


def test_hooks_not_started_fail_the_step():
    looked = {"events": [[1, "http://x", "a", 1], [1, "http://x", "b", 1]], "overdue": [], "sites": 1}
    output = (
        f"{MARK} {json.dumps(looked)}\n{MARK} run 1 a\n"
        f'{MARK} {{"hook": "a", "site": 1, "url": "http://x", "state": "done"}}\n'
    )
    done = understand(KIND, output, run=("a", "b", "c"))
    assert (done.outcome, done.why) == (Outcome.FAILED, "c: not scheduled; 1 hooks were not started")


def test_dead_site_gives_a_reason():
    died = "PHP Fatal error:  Uncaught Error: no in /srv/wp-content/mu-plugins/a.php:1\n"
    done = understand(KIND, died, status=1)
    assert (done.outcome, done.why[:40]) == (Outcome.FAILED, "WordPress does not start: Uncaught Error")
    assert understand(KIND, f"{MARK} problem no-wp\n", status=3).why == "the host has no wp"


@pytest.fixture
def hooked(network):
    (network.path / "wp-content/mu-plugins/hooks.php").write_text(HOOKS)
    schedule = (
        "foreach ( array( 1, 2, 3 ) as $id ) { switch_to_blog( $id );"
        "wp_schedule_event( time() + 7200, 'daily', 'lab_note' );"
        "wp_schedule_event( time() + 7200, 'daily', 'lab_boom' ); restore_current_blog(); }"
        "switch_to_blog( 2 ); wp_schedule_single_event( time() - 9, 'lab_note', array( ' once' ) );"
        "wp_schedule_single_event( time() + 9, 'lab_exit' );"
        "wp_schedule_single_event( time() - 9 * 3600, 'lab_late' );"
    )
    network.wp("eval", schedule)
    return network


def test_hook_runs_on_each_site_that_has_it(hooked):
    done, _ = hooked.once(KIND, run=("lab_note",), due=True)
    assert done.outcome is Outcome.OK
    assert hooked.wp("option", "get", "lab_note", sub="berlin") == "2 once"
    done, _ = hooked.once(KIND, run=("lab_note",))
    assert done.outcome is Outcome.OK
    ran = [line.split()[2] for line in done.output.splitlines() if line.endswith(": done")]
    url = hooked.site.url
    assert ran == [f"{url}:", f"{url}/berlin:", f"{url}/lyon:"]
    assert hooked.wp("option", "get", "lab_note", sub="lyon") == "3"
    assert done.why.startswith("overdue: lab_late on http://")
    assert done.why.endswith("/berlin by 9 h; check that wp-cron.php is called")
    late, _ = hooked.once(KIND, overdue=timedelta(hours=8), on_overdue="fail")
    assert late.outcome is Outcome.FAILED
    assert hooked.once(KIND, overdue=timedelta(hours=10), on_overdue="fail")[0].outcome is Outcome.OK


def test_dead_hook_is_named_and_others_run(hooked):
    done, _ = hooked.once(KIND, run=("lab_boom", "lab_exit", "lab_nope"))
    assert done.outcome is Outcome.FAILED
    assert "/lyon: Uncaught Error: Call to undefined function boom() in wp-content/mu-plugins" in done.why
    assert "/berlin: it exited PHP early (exit status 0)" in done.why
    assert "lab_nope: not scheduled" in done.why
    assert done.output.count("lab_boom on") == 3


def test_unknown_site_address_is_refused(hooked):
    hooked.fleet.sql(hooked.name, "update wp_blogs set domain = 'gone.example' where blog_id = 3")
    done, _ = hooked.once(KIND, run=("lab_note",))
    assert done.outcome is Outcome.FAILED
    assert "/lyon: WordPress started as http://" in done.why
    assert hooked.wp("eval", "switch_to_blog( 3 ); echo get_option( 'lab_note', 'never' );") == "never"


def test_hook_that_starts_updates_updates_nothing(bakery):
    config = bakery.path / "wp-config.php"
    config.write_text(config.read_text().replace("define( 'WP_AUTO_UPDATE_CORE', false );", ""))
    code = "<?php add_action( 'lab_sly', 'wp_maybe_auto_update' );"
    (bakery.path / "wp-content/mu-plugins/sly.php").write_text(code)
    bakery.wp("cron", "event", "schedule", "lab_sly", "now")
    done, _ = bakery.once(KIND, "busybox ash", run=("lab_sly",))
    assert (done.outcome, done.why) == (Outcome.OK, "")
    assert bakery.wp("core", "version") == "6.5.5"
