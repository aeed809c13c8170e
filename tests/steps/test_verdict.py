from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runner.model import Action, Change, Extension, Host, ItemKind, Outcome, Site, SiteFacts, SitePlan, Step
from runner.steps import Context, Result, registry

MARK = "m4rk"
SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv")
FATAL = "Uncaught Error: Call to undefined function boom() in wp-content/plugins/b/b.php:3"


def plugin(slug, version="1.0", *, active=True):
    return Extension(slug=slug, title=slug, version=version, file=f"{slug}/{slug}.php", active=active)


def facts(*plugins, **more):
    return SiteFacts(
        wordpress="6.5.5",
        php="8.2",
        home="http://x.example",
        siteurl="http://x.example",
        plugins=plugins,
        **more,
    )


def change(item, action=Action.CHANGE, why="", *, active=True, kind=ItemKind.PLUGIN, to="1.1", step="s"):
    return Change(
        step=step,
        item=item,
        kind=kind,
        from_version="1.0",
        to_version=to,
        action=action,
        why=why,
        file=f"{item}/{item}.php",
        active=active,
    )


def line(item, state, why=""):
    return f"\n{MARK} {json.dumps({'item': item, 'state': state, 'version': '', 'why': why})}\n"


def outcome(changes, after, output="", status=0, *, kind="wordpress.plugins", **more):
    context = Context(
        site=SITE,
        host=Host(name="web1", address="web1"),
        plan=SitePlan(site="shop", client="acme", changes=tuple(changes)),
        mark=MARK,
        before=facts(plugin("a"), plugin("b")),
        after=after,
        after_problem="" if after else "the database does not answer",
    )
    step = Step(id="s", kind=kind, options=None)
    result = Result(status=status, seconds=1.5, output=output, **more)
    done = registry()[kind].understand(step, result, context)
    return done, [(c.item, c.outcome.value, c.why) for c in done.changes]


def test_item_is_changed_at_planned_version_and_active():
    done, items = outcome([change("a")], facts(plugin("a", "1.1"), plugin("b")))
    assert (done.outcome, done.why, done.seconds) == (Outcome.CHANGED, "", 1.5)
    assert items == [("a", "changed", "")]


def test_reported_success_without_change_fails():
    output = "Success: Updated 1 of 1 plugins." + line("a", "done")
    done, items = outcome([change("a")], facts(plugin("a"), plugin("b")), output)
    assert done.outcome is Outcome.FAILED
    assert items == [("a", "failed", "the version on disk is still 1.0, not 1.1")]


def test_refused_item_fails_with_its_reason():
    output = line("a", "refused", "the offer changed from 1.1 to 1.2") + line("b", "done")
    done, items = outcome([change("a"), change("b")], facts(plugin("a"), plugin("b", "1.1")), output, 1)
    assert (done.outcome, done.why) == (Outcome.FAILED, "a: the offer changed from 1.1 to 1.2")
    assert items == [("a", "failed", "the offer changed from 1.1 to 1.2"), ("b", "changed", "")]


def test_items_after_a_fatal_error_are_not_done():
    output = (
        line("a", "done")
        + line("b", "fetched")
        + "Fatal error: Uncaught Error: boom in /x/wp-content/a.php:1\n"
    )
    _, items = outcome([change("a"), change("b")], facts(plugin("a", "1.1"), plugin("b")), output, 255)
    assert items == [
        ("a", "changed", ""),
        ("b", "failed", "not done: PHP died: Uncaught Error: boom in wp-content/a.php:1"),
    ]


def test_inactive_or_missing_item_fails():
    after = facts(plugin("a", "1.1", active=False))
    _, items = outcome([change("a"), change("b")], after)
    assert items == [
        ("a", "failed", "is at 1.1, but no longer active"),
        ("b", "failed", "is no longer there"),
    ]


def test_culprit_of_a_dead_site_is_named():
    after = facts(plugin("a", "1.1"), plugin("b", "1.1"), crippled=FATAL)
    done, items = outcome([change("a"), change("b")], after)
    assert done.why == f"b: the site does not start with it: {FATAL}"
    assert [outcome for _, outcome, _ in items] == ["changed", "failed"]


def test_culprit_of_another_step_is_not_blamed():
    after = facts(plugin("a", "1.1"), plugin("b", "1.1"), crippled=FATAL)
    done, _ = outcome([change("a"), change("b", step="other")], after)
    assert done.outcome is Outcome.CHANGED


def test_dead_site_without_culprit_fails_the_step():
    done, items = outcome([change("a")], facts(plugin("a", "1.1"), plugin("b"), crippled="WordPress ended"))
    assert (done.outcome, done.why) == (Outcome.FAILED, "the site no longer starts: WordPress ended")
    assert items == [("a", "changed", "")]


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (facts(plugin("a", "1.1"), plugin("b", active=False)), "no longer active: b"),
        (
            replace(facts(plugin("a", "1.1"), plugin("b")), home="http://evil.example"),
            "home is now http://evil.example; it was http://x.example",
        ),
    ],
)
def test_other_site_problem_fails_the_step(after, why):
    done, _ = outcome([change("a")], after)
    assert (done.outcome, done.why) == (Outcome.FAILED, why)


def test_unreadable_site_fails_every_item():
    done, items = outcome([change("a")], None, status=0)
    assert (done.outcome, items) == (Outcome.FAILED, [("a", "failed", "the database does not answer")])


def test_held_skipped_and_unknown_items_are_listed():
    changes = [change("a"), change("b", Action.HOLD, "held: x"), change("c", Action.SKIP, "left out")]
    done, items = outcome(changes, facts(plugin("a", "1.1"), plugin("b")))
    assert done.outcome is Outcome.CHANGED
    assert items == [("a", "changed", ""), ("b", "held", "held: x"), ("c", "skipped", "left out")]
    done, items = outcome(
        [change("a"), change("plugins", Action.UNKNOWN, "not asked")],
        facts(plugin("a", "1.1"), plugin("b")),
    )
    assert (done.outcome, done.why) == (Outcome.FAILED, "plugins: not asked")
    assert items[0] == ("a", "changed", "")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], (Outcome.OK, "")),
        ([change("a", Action.SKIP, "x")], (Outcome.OK, "")),
        ([change("a", Action.HOLD, "held: x")], (Outcome.HELD, "held: x")),
        ([change("a", Action.HOLD, "x"), change("b", Action.HOLD, "y")], (Outcome.HELD, "2 items are held")),
        ([change("a", Action.UNKNOWN, "not asked")], (Outcome.FAILED, "a: not asked")),
    ],
)
def test_idle_step_gives_a_reason(changes, expected):
    context = Context(
        site=SITE,
        host=Host(name="web1", address="web1"),
        plan=SitePlan(site="shop", client="acme", changes=tuple(changes)),
    )
    kind, step = registry()["wordpress.plugins"], Step(id="s", kind="wordpress.plugins", options=None)
    assert kind.script(step, context) is None
    done = kind.idle(step, context)
    assert (done.outcome, done.why) == expected


def test_lost_step_loses_its_items():
    done, items = outcome([change("a"), change("b", Action.HOLD, "x")], None, status=-1, why="lost")
    assert done.outcome is Outcome.LOST
    assert [outcome for _, outcome, _ in items] == ["lost", "held"]


def test_timed_out_step_is_judged_by_facts():
    after = facts(plugin("a", "1.1"), plugin("b"))
    done, items = outcome([change("a"), change("b")], after, line("a", "done"), 124, why="timeout")
    assert done.outcome is Outcome.FAILED
    assert items[0] == ("a", "changed", "")
    assert items[1][2].startswith("not done: took longer than its time limit")


def test_cancelled_step_lists_its_changes():
    done, items = outcome([change("a")], facts(plugin("a", "1.1"), plugin("b")), status=143, why="cancelled")
    assert (done.outcome, items) == (Outcome.CANCELLED, [("a", "changed", "")])


def test_core_needs_its_database_upgraded():
    core = change("core", kind=ItemKind.CORE, to="7.1.1")
    after = replace(facts(plugin("a"), plugin("b")), wordpress="7.1.1", database_version=1, database_wanted=2)
    done, items = outcome([core], after, kind="wordpress.core")
    assert (done.outcome, done.why) == (Outcome.FAILED, "the database is at 1, WordPress requires 2")
    done, items = outcome([core], replace(after, database_version=2), kind="wordpress.core")
    assert (done.outcome, items) == (Outcome.CHANGED, [("core", "changed", "")])


def test_output_omits_our_lines_and_escapes():
    done, _ = outcome([change("a")], facts(plugin("a", "1.1")), f"\x1b[31mred\x1b[0m{line('a', 'done')}end\a")
    assert done.output == "red\nend"


def test_plugin_output_is_not_taken_for_ours():
    forged = f'{{"item": "a", "state": "done"}}\nother {{"item": "a"}}\n{MARK} not json\n{MARK} {{"item"\n'
    _, items = outcome([change("a")], facts(plugin("a"), plugin("b")), forged)
    assert items == [("a", "failed", "the version on disk is still 1.0, not 1.1")]


@pytest.mark.parametrize(
    ("after", "output", "uncertain"),
    [
        (facts(plugin("a")), "", False),
        (facts(plugin("a", "1.0.5")), "", True),
        (facts(plugin("a", "1.1", active=False)), "", True),
        (facts(), "", True),
        (None, line("a", "begun"), True),
        (None, line("a", "refused", "no place"), False),
    ],
)
def test_failure_is_uncertain_unless_old_version_was_read(after, output, uncertain):
    done, _ = outcome([change("a")], after, output)
    (found,) = done.changes
    assert (found.outcome, found.uncertain) == (Outcome.FAILED, uncertain)
