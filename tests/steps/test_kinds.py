from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from importlib.metadata import EntryPoint

import pytest

import runner.steps
from runner.errors import UsageError
from runner.model import Host, Outcome, SecretRef, SecretSource, Site, SiteFacts, SitePlan, Step
from runner.model.plan import Action, Change, ItemKind
from runner.steps import Context, Needs, Result, StepKind, Where, registry
from runner.untrusted import clean, sentence

SITE = Site(name="shop", client="acme", host="web1", url="http://x.example", path="/srv/it's here")


def context(*changes, before=None):
    return Context(
        site=SITE,
        host=Host(name="web1", address="web1"),
        plan=SitePlan(site="shop", client="acme", changes=changes),
        before=before,
    )


def test_every_kind_and_option_is_documented():
    for name, kind in registry().items():
        assert (kind.name, bool(kind.summary)) == (name, True)
        assert is_dataclass(kind.options)
        assert kind.options.__dataclass_params__.frozen
        for field in fields(kind.options):
            assert field.metadata["doc"], f"{name}.{field.name}"
            assert field.metadata.get("scalar", field.name) == field.name


def test_shell_outcome_follows_exit_status_and_changes():
    kind = registry()["shell"]
    for changes, status, expected in ((False, 0, "ok"), (True, 0, "changed"), (True, 3, "failed")):
        step = Step(id="shell", kind="shell", options=kind.options(run="uptime", changes=changes))
        done = kind.understand(step, Result(status=status, seconds=1, output="up"), context())
        assert (done.outcome.value, done.output) == (expected, "up")


def test_shell_text_is_unchanged_and_secrets_stay_outside():
    kind = registry()["shell"]
    secret = SecretRef(SecretSource.ENV, "TOKEN")
    options = kind.options(run="echo $TOKEN {{ not a template }}", env={"TOKEN": secret})
    script = kind.script(Step(id="shell", kind="shell", options=options), context())
    assert script.text == "cd '/srv/it'\"'\"'s here' || exit\necho $TOKEN {{ not a template }}\n"
    assert script.env == {"TOKEN": secret}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("shell", {"run": " "}),
        ("shell", {"run": "x", "env": {"A-B": "c"}}),
        ("probe.http", {"status": 7}),
        ("probe.http", {"pages": ("cart",)}),
        ("backup", {"include": ()}),
        ("backup", {"exclude": ("a\nb",)}),
        ("static.release", {"keep": 1}),
        ("static.release", {"source": " "}),
        ("files.sync", {"source": "a", "to": "/etc"}),
        ("files.sync", {"source": "a", "to": "../x"}),
        ("files.sync", {"source": "", "to": "x"}),
    ],
)
def test_invalid_options_are_refused(kind, options):
    with pytest.raises(ValueError, match=r".+"):
        registry()[kind].options(**options)


def core(action=Action.CHANGE):
    return Change(
        step="core", item="core", kind=ItemKind.CORE, from_version="6.5.5", to_version="6.5.6", action=action
    )


def test_core_update_removes_only_its_own_maintenance_file():
    kind, step = registry()["wordpress.core"], Step(id="core", kind="wordpress.core", options=None)
    before = SiteFacts(
        wordpress="6.5.5", php="8.2", home="h", siteurl="h", root="/srv/w p/", core_fixed="it is a link"
    )
    assert kind.cleanup(step, context(core(), before=before)) == "rm -f '/srv/w p/.maintenance'"
    theirs = SiteFacts(wordpress="6.5.5", php="8.2", home="h", siteurl="h", maintenance=True)
    assert kind.cleanup(step, context(core(), before=theirs)) == ""
    assert kind.cleanup(step, context(core(Action.HOLD), before=before)) == ""
    assert kind.cleanup(step, context(core(), before=replace(before, core_fixed=""))) == ""
    assert registry()["wordpress.database"].cleanup(step, context(core(), before=before)) == ""


def step_of(kind, *, become=False, **options):
    return Step(id=kind, kind=kind, options=registry()[kind].options(**options), become=become)


def test_build_on_the_controller_needs_its_folder():
    needs = registry()["static.build"].needs(step_of("static.build", run="make", folder="src/{site}"), SITE)
    assert needs == Needs(folder="src/shop")


def test_build_on_the_host_reports_a_missing_folder():
    kind, step = registry()["static.build"], step_of("static.build", run="make", folder="src", where="host")
    assert kind.needs(step, SITE).check == "cd && cd src || exit 66\n"
    assert kind.missing(step, SITE, Result(status=0, seconds=0, output="")) is None
    missing = kind.missing(step, SITE, Result(status=66, seconds=0, output=""))
    assert missing.why == "there is no folder src on the host"


@pytest.mark.parametrize(
    ("options", "checks"),
    [({}, True), ({"include": ("database",)}, False), ({"become": True}, False)],
)
def test_backup_searches_unreadable_files_if_the_login_reads_them(options, checks):
    needs = registry()["backup"].needs(step_of("backup", **options), SITE)
    assert (needs.store, bool(needs.check)) == (True, checks)


def test_backup_reports_unreadable_files_that_are_not_excluded():
    kind, step = registry()["backup"], step_of("backup", exclude=("*.pem",))
    result = Result(status=0, seconds=0, output="./a.pem\n./b/secret\nnoise\n")
    assert kind.missing(step, SITE, result).why == "b/secret cannot be read"
    assert kind.missing(step, SITE, replace(result, output="./a.pem\n")) is None


def test_kinds_need_nothing_unless_they_say_so():
    kind, step = registry()["shell"], step_of("shell", run="true")
    assert (kind.needs(step, SITE), kind.missing(step, SITE, Result(status=1, seconds=0, output=""))) == (
        Needs(),
        None,
    )


class Greeting(StepKind):
    name = "greeting"
    summary = "Says hello."
    options = registry()["wordpress.database"].options

    def script(self, step, context):  # noqa: ARG002
        return None


def offer(monkeypatch, value):
    entry = EntryPoint(name="x", group="sitecrew.steps", value=value)
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [entry] if group == entry.group else []
    )
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.value.split(":")[1]])
    return runner.steps.registry.__wrapped__


def test_entry_point_adds_a_kind(monkeypatch):
    kinds = offer(monkeypatch, f"{__name__}:Greeting")()
    assert list(kinds)[-1] == "greeting"
    step = Step(id="greeting", kind="greeting", options=None)
    assert kinds["greeting"].idle(step, context()).outcome is Outcome.OK


class Streaming(Greeting):
    where = Where.STREAM


class Moving(Greeting):
    def place(self, step):  # noqa: ARG002
        return Where.CONTROLLER


class Switching(Greeting):
    switches = True


@pytest.mark.parametrize("kind", ["Streaming", "Moving", "Switching"])
def test_entry_point_that_does_not_run_on_the_host_is_refused(monkeypatch, kind):
    with pytest.raises(
        UsageError, match="adds the step 'greeting', which does not run on the host"
    ) as refused:
        offer(monkeypatch, f"{__name__}:{kind}")()
    assert "delete `where`" in refused.value.hint


def test_entry_point_that_is_no_kind_is_refused(monkeypatch):
    with pytest.raises(UsageError, match="is not a kind of step"):
        offer(monkeypatch, f"{__name__}:context")()


def test_host_output_is_cleaned_and_shortened():
    assert clean("a\x1b]0;title\x07b\x1b[2Jc\u202ed\r\ne\x00\tf") == "abcd\ne\tf"
    assert sentence("one\n  two\x1b[31m three") == "one two three"
    assert len(sentence("x" * 1000)) == 300
    cut = clean("a" * 50_000)
    assert len(cut) < 21_000
    assert "[30000 characters left out]" in cut
