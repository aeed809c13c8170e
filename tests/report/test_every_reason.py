"""Every reason in the code: shown in full to the crew, and translated or left out for the client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from runner.cli.runview import print_site
from runner.model import UNREPEATED, ItemKind, Outcome, State
from runner.record import (
    AutoUpdateView,
    ChangeView,
    Failure,
    History,
    RunSummary,
    SiteRow,
    SiteRun,
    SiteView,
    StepView,
    Undo,
    WhyNot,
    WindowState,
    WindowView,
)
from runner.report import ReportData, render_html, render_text
from runner.report.build import assemble
from runner.report.document import report_document
from runner.report.lines import again, point
from runner.report.plain import for_client
from runner.report.reasons import Cause, cause_of, reason
from runner.report.render import words_of
from tests.report import samples, written
from tests.report.samples import at

LANGUAGES = ["en", *sorted(path.stem for path in (Path(__file__).parents[2] / "reports/locale").glob("*.po"))]
TELLTALES = (
    "SHA256:kQz9tell",
    "/srv/telltale/wp-config.php",
    "sitecrew trust web1",
    "password=hunter2",
    "https://bob:hunter2@evil.example/x",
    "<b onclick=go()>bold</b>",
    "UnreachableError",
    "DB_PASSWORD",
)
NEVER = re.compile(
    r"SHA256|telltale|sitecrew|password=|hunter2|evil|onclick|[a-z]Error\b|DB_PASSWORD|wp-config|\.php\b|/srv/"
)
ALL = " ".join(TELLTALES)
SHOWN = 40
"""Issues that the HTML of a mail shows; the plain text has all."""
RUN = "2026-11-05-weekly-017f"

SAMPLES = {
    Cause.LICENCE: (
        "offered without a package to download: the licence is missing or has expired",
        "steps/wordpress/findings_offer.py",
    ),
    Cause.PHP: ("needs PHP 8.3; the site has 8.1.2", "steps/wordpress/findings_offer.py"),
    Cause.WORDPRESS: ("needs WordPress 6.9; the site has 6.8.1", "steps/wordpress/findings.py"),
    Cause.KEPT: ("held on the host by apt-mark", "steps/packages/facts.py"),
    Cause.FORBIDDEN: (
        "the site forbids changes to its files (DISALLOW_FILE_MODS)",
        "steps/wordpress/findings.py",
    ),
    Cause.UNWRITABLE: (
        "this login cannot write to the folder of translations",
        "steps/wordpress/findings.py",
    ),
    Cause.LARGE: ("major updates of core are held by the policy", "plan/policy.py"),
    Cause.RULED: ("minor updates are held for this site", "plan/policy.py"),
    Cause.AGREED: ("held until 2026-12-24: Christmas sales", "plan/holds.py"),
    Cause.PAUSED: ("paused until 2026-12-24: Christmas sales", "record/views/schedules.py"),
    Cause.PAUSED_ONLY: ("paused until 2026-12-24", "record/views/schedules.py"),
    Cause.TOO_LATE: ("needs about 14 min, the window closes in 9 min", "plan/durations.py"),
    Cause.UNAPPROVED: ("not approved", "record/views/schedules.py"),
    Cause.DECLINED: ("declined by ann on 2026-12-01: after the sale", "record/views/schedules.py"),
    Cause.UNPLANNED: ("could not be planned: web1: no connection", "record/views/schedules.py"),
    Cause.OUTDATED: ("the approved plan no longer applies", "record/views/schedules.py"),
    Cause.UNDONE: (
        "held because 4.2 was undone by hand (to allow it again: sitecrew unhold x y)",
        "plan/holds.py",
    ),
    Cause.BROKE: (
        "held because 4.2 broke this site: /cart/ (to retry: sitecrew unhold x y)",
        "plan/holds.py",
    ),
    Cause.YOUNG: (
        "a minor update: waits until 2026-12-04 01:00 UTC, 7 days after it was first seen",
        "plan/policy.py",
    ),
    Cause.UNASKED: ("wordpress.org could not be reached: no answer", "wporg/client.py"),
    Cause.STILL: ("the version on disk is still 9.8.1, not 9.8.3", "steps/wordpress/verdict.py"),
    Cause.BOOT: ("the site does not start with it: exit status 255", "steps/wordpress/verdict.py"),
    Cause.SLOW: ("took longer than its time limit; stopped after 600 s", "steps/base.py"),
    Cause.SLOWER: ("slower than before: /cart/ takes 4.20 s; it took 0.30 s", "model/slowdown.py"),
    Cause.SPACE: (
        "only 12 MB are free on its disk, too little for a restore point",
        "steps/wordpress/findings.py",
    ),
    Cause.STATUS: ("answers 500 where 200 is expected", "verify/judge.py"),
    Cause.TEXT: ('lacks the text "Bob\'s cart" (in its source, not shown)', "verify/judge.py"),
}
"""A reason for each cause, and the module that it comes from."""


@dataclass(frozen=True)
class Rows:
    """The ledger rows of one site."""

    runs: tuple[SiteRun, ...] = ()
    changes: tuple[ChangeView, ...] = ()
    failures: tuple[Failure, ...] = ()
    windows: tuple[WindowView, ...] = ()
    auto_updates: tuple[AutoUpdateView, ...] = ()


def ran(site: str, outcome: Outcome, why: str = "") -> SiteRun:
    return replace(samples.work(site, 5, outcome=outcome, why=why).run, run=f"{RUN}-{site}")


def item(site: str, why: str, *, outcome: Outcome, **more: object) -> Rows:
    change = samples.change("Forms", "1.0", "1.1", outcome, why)
    change = replace(change, site=site, run=f"{RUN}-{site}", finished=at(5), **more)
    return Rows((ran(site, outcome),), (change,))


def unrepeated(site: str, why: str) -> Rows:
    return item(site, f"{UNREPEATED}: {why}; not seen again", outcome=Outcome.CHANGED)


def unseen(site: str, why: str) -> Rows:
    return item(site, "", outcome=Outcome.CHANGED, unverified=why)


def failed_step(site: str, why: str, *, kind: str) -> Rows:
    failure = replace(samples.failure(kind, why), site=site, run=f"{RUN}-{site}", finished=at(5))
    return Rows((ran(site, Outcome.FAILED),), (), (failure,))


def site_run(site: str, why: str, *, outcome: Outcome) -> Rows:
    return Rows((ran(site, outcome, why),))


def window(site: str, why: str, *, state: WindowState) -> Rows:
    row = samples.window(5, state, why, site)
    return Rows(windows=(replace(row, window=f"weekly {site}"),))


def forced(site: str, why: str) -> Rows:
    """WordPress installs a held item automatically."""
    held = item(site, why, outcome=Outcome.HELD)
    auto = AutoUpdateView(
        id=1, site=site, kind="plugin", key="forms", item="forms", was="", state="forced", why=why,
        forced=why, run=RUN, since=at(5), settled_run=None, settled=None,
    )  # fmt: skip
    return replace(held, auto_updates=(auto,))


NO_ITEM = {Outcome.OK, Outcome.SKIPPED, Outcome.MISSED}
NO_SITE = {Outcome.OK, Outcome.SKIPPED, Outcome.HELD, Outcome.CHANGED}
Place = Callable[[str, str], Rows]
PLACES: dict[str, Place] = {
    **{f"item {one}": partial(item, outcome=one) for one in Outcome if one not in NO_ITEM},
    "item that failed once": unrepeated,
    "database": partial(item, outcome=Outcome.FAILED, kind=ItemKind.DATABASE, undo=Undo.BACK),
    "check": partial(item, outcome=Outcome.FAILED, to_version=""),
    "unseen": unseen,
    "automatic update": forced,
    "undo": partial(item, outcome=Outcome.UNDONE, undo=Undo.BACK),
    "undo that failed": partial(item, outcome=Outcome.FAILED, undo=Undo.BACK),
    "undo that is lost": partial(item, outcome=Outcome.LOST, undo=Undo.BACK),
    **{f"step {kind}": partial(failed_step, kind=kind) for kind in ("shell", "backup.full", "probe.page")},
    **{f"site {one}": partial(site_run, outcome=one) for one in Outcome if one not in NO_SITE},
    "window that was missed": partial(window, state=WindowState.MISSED),
    "window that was skipped": partial(window, state=WindowState.SKIPPED),
}
SILENT = {"item changed"}
"""Places whose reason is not an issue of its own."""


def reasons() -> tuple[str, ...]:
    """Return each template filled with untrusted text, and each known reason followed by it."""
    printable = (found for found in written.sentences() if "".join(found.parts).isprintable())
    templates = {found.parts: found for found in printable}.values()
    agreed = {Cause.AGREED, Cause.PAUSED, Cause.DECLINED}
    known = (f"{why} {ALL}" for cause, (why, _) in SAMPLES.items() if cause not in agreed)
    mixed = (
        found.filled(TELLTALES[number % len(TELLTALES)]) if number % 2 else found.filled(ALL)
        for number, found in enumerate(templates)
    )
    return (*mixed, *known, ALL)


def report(place: Place, whys: Sequence[str], language: str = "en") -> ReportData:
    names = [f"s{number}" for number in range(len(whys))]
    rows = [place(name, why) for name, why in zip(names, whys, strict=True)]
    start, end = samples.NOVEMBER.instants("UTC")
    history = History(
        sites=tuple(names),
        start=start,
        end=end,
        runs=tuple(run for row in rows for run in row.runs),
        changes=tuple(change for row in rows for change in row.changes),
        failures=tuple(failure for row in rows for failure in row.failures),
        backups=(),
        looks=(),
        last_looks=(),
        windows=tuple(window for row in rows for window in row.windows),
        auto_updates=tuple(auto for row in rows for auto in row.auto_updates),
        holds=(),
        measured=frozenset(),
        first=None,
        last=None,
        since=None,
    )
    sites = [samples.site(name) for name in names]
    who = samples.client(language=language)
    return assemble(who, sites, samples.NOVEMBER, history, samples.SETTINGS, now=samples.DECEMBER_FIRST)


def chunks(size: int) -> Iterator[tuple[str, ...]]:
    """Split reasons into as many as one mail shows."""
    found = reasons()
    yield from (found[start : start + size] for start in range(0, len(found), size))


def read(document: str) -> str:
    return unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", document, flags=re.DOTALL))


def squeezed(text: str) -> str:
    return " ".join(text.split())


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (found for one in value.values() for found in texts(one))
    elif isinstance(value, list):
        yield from (found for one in value for found in texts(one))


def test_collected_sentences_are_plenty():
    """Without a lower bound, a search that finds nothing would pass."""
    found = written.sentences()
    assert len(found) > 2000
    assert len({one.module for one in found}) > 200
    assert len([one for one in found if len(one.parts) > 1]) > 700


def test_new_reason_is_collected_automatically(tmp_path: Path):
    source = tmp_path / "new.py"
    source.write_text(
        '"""No reason, but a docstring."""\n'
        "COULD = 'the gate was shut'\n"
        "def f(x):\n"
        "    '''Nor is this one.'''\n"
        "    if x:\n        raise HostError(f'{x}: gone')\n"
        "    return StepOutcome(step='s', why='odd') or f'the {x} of {x} fell'\n",
        encoding="utf-8",
    )
    assert [found.parts for found in written.sentences_of(source)] == [
        ("the gate was shut",), ("", ": gone"), ("odd",), ("the ", " of ", " fell"),
    ]  # fmt: skip


@pytest.mark.parametrize("cause", Cause, ids=str)
def test_each_cause_has_a_reason_in_the_code(cause: Cause):
    why, module = SAMPLES[cause]
    assert cause_of(why) is cause
    assert any(
        found.module == module and found.pattern.fullmatch(why) and sum(map(len, found.parts)) > 5
        for found in written.sentences()
    ), "nothing gives this reason any more: mend the pattern, or delete the cause"


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        ("held, since 4.2 was undone by hand (to install it again: sitecrew unhold x y)", Cause.UNDONE),
        ("held, for 4.2 broke this site: /cart/ (to try it again: sitecrew unhold x y)", Cause.BROKE),
        ("held: on sale (5.9.2 closes a known hole)", Cause.AGREED),
    ],
)
def test_reasons_of_earlier_versions_are_recognised(why: str, cause: Cause):
    assert cause_of(why) is cause
    assert reason("held: on sale (5.9.2 closes a known hole)", words_of(samples.good())) == "on sale"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", Cause, ids=str)
def test_each_cause_is_translated(cause: Cause, language: str):
    words = words_of(samples.good(language=language))
    said = reason(SAMPLES[cause][0], words)
    assert said
    assert "{" not in said
    assert NEVER.search(said) is None


def unclaimed(place: str, whys: Sequence[str]) -> int:
    """Return the number of reasons for which nothing is known, so that the report claims nothing."""
    return whys.count(WhyNot.REPLACED) if place == "window that was skipped" else 0


@pytest.mark.parametrize("place", [*PLACES])
def test_recorded_reason_never_reaches_client(place: str):
    for whys in chunks(400):
        found = report(PLACES[place], whys)
        assert len(found.undone) >= len(whys) - unclaimed(place, whys) or place in SILENT
        plain = for_client(found, words_of(found))
        leaks = [text for text in texts(report_document(plain)) if NEVER.search(text)]
        assert leaks == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_list_each_issue_without_quotes(language: str):
    places = [*PLACES.values()]
    for number, whys in enumerate(chunks(SHOWN)):
        found = report(places[number % len(places)], whys, language)
        words = words_of(found)
        plain = for_client(found, words)
        opened = {point(one, plain, words) for one in plain.open}
        solved = {again(one, plain, words) for one in plain.undone if not one.open}
        beyond = max(len(opened) - SHOWN, 0) + max(len(solved) - SHOWN, 0)
        html, text = squeezed(read(render_html(found))), squeezed(render_text(found))
        for document, more in ((html, beyond), (text, 0)):
            leak = NEVER.search(document)
            assert leak is None, document[max(leak.start() - 200, 0) : leak.end() + 50]
            assert len([one for one in opened | solved if squeezed(one) not in document]) == more


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", [*PLACES])
def test_issue_without_known_reason_has_a_sentence(place: str, language: str):
    """The sentence depends on outcome and kind, as if there were no reason."""
    unknown, without = (report(PLACES[place], [why], language) for why in (ALL, "odd"))
    assert read(render_html(unknown)).split() == read(render_html(without)).split()
    assert render_text(unknown) == render_text(without)
    assert unknown.undone or place in SILENT


def test_crew_sees_full_reasons(capsys: pytest.CaptureFixture[str]):
    run = RunSummary(
        run=RUN, playbook="weekly", title="", trigger="manual", window=None, state=State.ENDED,
        outcome=Outcome.FAILED, attempt=1, executor=None, started=at(5), finished=at(5),
        sites=1, outcomes={},
    )  # fmt: skip
    for why in reasons():
        change = replace(samples.change("Forms", "1.0", "1.1", Outcome.FAILED, why), site="shop", run=RUN)
        step = StepView(
            run=RUN, site="shop", step="plugins", kind="wordpress.plugins", title="", outcome=Outcome.FAILED,
            why=f"step: {why}.", seconds=1.0, started=at(5), finished=at(5), changes=(change,),
        )  # fmt: skip
        row = SiteRow(
            run=RUN, site="shop", client="acme", host="web1", ring=0, position=0, state=State.ENDED,
            outcome=Outcome.FAILED, why=f"site: {why}.", started=at(5), finished=at(5),
        )  # fmt: skip
        print_site(
            SiteView(row=row, problems=(), steps=(step,), looks=(), restore_points=()), run, verbose=False
        )
        shown = capsys.readouterr().out
        assert f"site: {why}." in shown
        assert f"step: {why}." in shown
        assert shown.count(why) == 3
