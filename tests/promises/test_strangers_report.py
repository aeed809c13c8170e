"""A report tells its client the truth about a site, in our words, and lies open to nobody else."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.model import ChangeOutcome, ItemKind, Outcome, StepOutcome
from runner.record import Ledger
from runner.report import build_report, render_html, render_text, write
from runner.report.document import report_document
from runner.report.plain import for_client, plain_version
from runner.report.render import words_of
from tests.fuzz import endure, hostile
from tests.ledgers import create_run, record_look
from tests.report import samples

BEGAN = samples.at(3)
STEPS = (
    ("release", "static.release"),
    ("plugins", "wordpress.plugins"),
    ("shell", "shell"),
    ("look", "probe.http"),
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


def after(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


class Run:
    """A run on one site, as the ledger keeps it."""

    def __init__(self, ledger: Ledger, run: str = "r1", began: float = 0.0) -> None:
        self.ledger, self.run = ledger, run
        create_run(
            ledger,
            "{}",
            run=run,
            playbook="weekly",
            title="Weekly",
            sites=[("shop", "acme", "web1", 0, 0)],
            steps=[(name, kind, kind) for name, kind in STEPS],
            started=after(began),
            trigger="manual",
        )
        ledger.sites.started(run, "shop", after(began))

    def look(self, minutes: float, phase: str, status: int = 200, *, healthy: bool | None = None) -> None:
        well = status == 200 if healthy is None else healthy
        for url in ("/", "/cart/"):
            record_look(
                self.ledger,
                site="shop",
                at=after(minutes),
                phase=phase,
                signal="page",
                healthy=well,
                status=status,
                run=self.run,
                url=url,
            )

    def step(
        self, name: str, began: float, ended: float, outcome: Outcome = Outcome.CHANGED, **change
    ) -> None:
        changes = ()
        if change:
            told = {
                "item": "a",
                "kind": ItemKind.PLUGIN,
                "from_version": "1",
                "to_version": "2",
                "why": "",
            } | change
            changes = (ChangeOutcome(outcome=outcome, **told),)
        found = StepOutcome(step=name, outcome=outcome, seconds=60 * (ended - began), changes=changes)
        self.ledger.steps.finished(self.run, "shop", found, after(ended))

    def end(self, minutes: float, outcome: Outcome = Outcome.CHANGED) -> None:
        self.ledger.sites.finished(self.run, "shop", outcome, "", after(minutes))


def report(ledger: Ledger):
    return build_report(
        ledger,
        samples.client(),
        [samples.SHOP],
        samples.NOVEMBER,
        samples.SETTINGS,
        now=datetime(2026, 12, 1, tzinfo=UTC),
    )


def told(ledger: Ledger) -> tuple[str, str, str]:
    found = report(ledger)
    return found.status.value, found.sites[0].state.value, " ".join(render_text(found).split())


@pytest.mark.parametrize("status", [429, 403, 401])
def test_a_site_that_refuses_everybody_after_a_release_is_not_called_healthy(ledger, status):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after", status, healthy=False)
    run.step("release", 0.5, 3)
    run.end(4)
    status_word, state, text = told(ledger)
    assert (status_word, state) == ("attention", "unknown")
    assert "acme.example blocked our check on 3 November; it may block visitors too." in text
    assert f"A page returned an error ({status})." in text
    assert "healthy" not in text
    assert "You do not need to do anything" not in text


def test_a_site_that_refuses_everybody_long_after_the_work_is_an_open_point(ledger):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after")
    run.step("plugins", 0.5, 3)
    run.end(4)
    assert told(ledger)[:2] == ("good", "healthy")
    later = Run(ledger, "r2", 60)
    later.look(61, "before", 429, healthy=False)
    later.end(62, Outcome.OK)
    assert told(ledger)[:2] == ("attention", "unknown")


def test_a_firewall_that_never_let_us_in_is_no_open_point(ledger):
    run = Run(ledger)
    run.look(1, "before", 403, healthy=False)
    run.look(2, "after", 403, healthy=False)
    run.step("plugins", 0.5, 3)
    run.end(4)
    found = report(ledger)
    assert (found.sites[0].state.value, found.open) == ("unknown", ())


def test_a_healthy_look_from_before_a_change_does_not_count(ledger):
    run = Run(ledger)
    run.look(1, "before")
    run.step("plugins", 0.5, 3)
    run.end(4)
    status, state, text = told(ledger)
    assert (status, state) == ("attention", "unknown")
    assert "We have not been able to check acme.example since the last maintenance." in text
    assert "healthy" not in text


def test_a_look_of_one_step_says_nothing_of_a_later_step(ledger):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after")
    run.step("plugins", 0.5, 3)
    run.step("shell", 3, 4)
    run.end(5)
    assert told(ledger)[:2] == ("attention", "unknown")
    run.look(4.5, "after")
    assert told(ledger)[:2] == ("good", "healthy")


def test_a_look_of_an_earlier_run_says_nothing_of_a_later_one(ledger):
    first = Run(ledger)
    first.look(1, "before")
    first.look(2, "after")
    first.step("plugins", 0.5, 3)
    first.end(4)
    second = Run(ledger, "r2", 60)
    second.look(61, "before")
    second.step("plugins", 60.5, 63)
    second.end(64)
    assert told(ledger)[:2] == ("attention", "unknown")


def test_the_last_look_decides_when_several_followed_the_change(ledger):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after")
    run.step("plugins", 0.5, 3)
    run.end(4)
    run.look(9, "soak", 500, healthy=False)
    status, state, text = told(ledger)
    assert (status, state) == ("action", "failed")
    assert "acme.example did not pass our check on 3 November." in text


def test_a_bad_look_before_a_change_was_taken_back_does_not_count_against_the_site(ledger):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after", 500, healthy=False)
    run.look(2.5, "undo")
    run.step("plugins", 0.5, 3, Outcome.UNDONE, title="Slider", why="answers 500 where 200 is expected")
    run.end(4, Outcome.UNDONE)
    status, state, _ = told(ledger)
    assert (status, state) == ("attention", "healthy")


EVIL = (
    "Security plugin: call +49 170 1234567",
    "https://evil.example/pay",
    "www.evil.example",
    "boss@evil.example",
    "evil.example",
    "Click\u202e here\x1b[31m \x07<a href='https://evil.example'>now</a>",
    "{0.__class__}",
    "%s%n",
)


@pytest.mark.parametrize("words", EVIL)
@pytest.mark.parametrize("outcome", [Outcome.CHANGED, Outcome.FAILED, Outcome.UNDONE, Outcome.HELD])
def test_no_word_of_a_plugin_reaches_its_client_but_a_plain_name(ledger, words, outcome):
    run = Run(ledger)
    run.look(1, "before")
    run.look(2, "after")
    why = "" if outcome is Outcome.CHANGED else f"its update said: {words}"
    run.step(
        "plugins", 0.5, 3, outcome, title=words, item=words, to_version=words, from_version=words, why=why
    )
    run.end(4, outcome)
    found = report(ledger)
    for document in (render_text(found), render_html(found)):
        for part in (
            "://evil",
            "www.evil",
            "@evil",
            "evil.example",
            "its update said",
            "\u202e",
            "\x1b",
            "\x07",
        ):
            assert part not in document
    raw = str(report_document(found))
    assert outcome is Outcome.CHANGED or "its update said" in raw, "the crew reads it"


def test_a_template_of_the_workspace_gets_no_raw_words_either(ledger, tmp_path):
    (tmp_path / "mail.txt.j2").write_text(
        "{% for p in report.undone %}{{ p.title }}|{{ p.item }}|{{ p.to_version }}|{{ p.why }}{% endfor %}"
    )
    run = Run(ledger)
    run.step("plugins", 0.5, 3, Outcome.FAILED, title="www.evil.example", item="a@evil.example",
             to_version="1.evil.example", why="see https://evil.example")  # fmt: skip
    run.end(4, Outcome.FAILED)
    text = render_text(report(ledger), templates=tmp_path)
    assert text == "evil example|a evil example|1-evil-example|\n"


@pytest.mark.parametrize(
    ("version", "plain"),
    [
        ("9.8.1", "9.8.1"),
        ("10.20.30-beta.4+build.20261101", "10.20.30-beta.4+build.20261101"),
        ("1.2.3-4+deb12u1", "1.2.3-4+deb12u1"),
        ("2:1.0~rc1", "2:1.0~rc1"),
        ("www.evil.example", "www-evil-example"),
        ("https://evil.example", "https:evil-example"),
        ("1 call +49", "1call+49"),
    ],
)
def test_a_version_is_a_version(version, plain):
    assert plain_version(version) == plain


def test_reports_are_their_owners_alone(tmp_path):
    folder = tmp_path / "reports/out"
    folder.mkdir(parents=True, mode=0o777)
    for _ in range(2):
        for path in write(samples.good(), folder):
            assert mode(path) == 0o600
            path.chmod(0o644)
    assert mode(folder) == 0o700


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.long
def test_ten_thousand_hostile_reasons_and_names_are_rendered_or_left_out():
    spoken = words_of(samples.good())

    def parse(data: bytes) -> None:
        text = data.decode("utf-8", "replace")[:240]
        change = samples.change(text, text[:40], text[:40], Outcome.FAILED, text)
        found = for_client(samples.report(samples.work("shop", 3, change, outcome=Outcome.FAILED)), spoken)
        for point in found.undone:
            assert "://" not in point.title + point.why
            assert "www." not in (point.title + point.why).lower()

    corpus = (
        b"held until 2026-12-24: x",
        b"lacks the text 'x'",
        b"needs PHP 8.3; the site has 8.1",
        b"a: waits until 2026-13-44 01:00 UTC",
        b"held, for 4.2 broke this site",
        b"www.a.example",
    )
    endure(parse, hostile(corpus, 10_000), refusals=())
