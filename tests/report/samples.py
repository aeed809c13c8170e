"""Sample months of a fictional client, from good to bad."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from runner.model import (
    Agency,
    Client,
    Contact,
    ItemKind,
    Mail,
    Outcome,
    Period,
    Settings,
    Site,
)
from runner.record import (
    BackupView,
    ChangeView,
    Failure,
    History,
    LastLook,
    LookSummary,
    SiteRun,
    WindowState,
    WindowView,
)
from runner.report.build import assemble
from runner.report.data import NextWindow, ReportData
from runner.report.windows import DueWindows

NOVEMBER = Period.parse("2026-11")
DECEMBER_FIRST = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
SETTINGS = Settings(
    agency=Agency(name="Northwind Web Care", accent="#0b6b57", reply_to="care@northwind.example"),
    mail=Mail(host="smtp.northwind.example", sender="care@northwind.example"),
)


def client(**changes) -> Client:
    values = {
        "id": "acme",
        "name": "Acme Bakery",
        "timezone": "Europe/Berlin",
        "contacts": (Contact("Office", "office@acme.example"),),
    }
    return Client(**(values | changes))


def site(name: str, url: str | None = None) -> Site:
    return Site(
        name=name, client="acme", host="web1", url=url or f"https://{name}.acme.example", path="/srv/x"
    )


SHOP, BLOG, DOCS = site("shop", "https://www.acme.example"), site("blog"), site("docs")


def at(day: int, hour: int = 1, minute: int = 7) -> datetime:
    """An instant in November 2026, in UTC; 01:07 is 02:07 in Berlin."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@dataclass(frozen=True)
class Did:
    """A run on one site, with what changed and what failed in it."""

    run: SiteRun
    changes: tuple[ChangeView, ...]
    failures: tuple[Failure, ...]


def change(  # noqa: PLR0917
    title: str,
    was: str,
    now: str,
    outcome: Outcome = Outcome.CHANGED,
    why: str = "",
    kind: ItemKind = ItemKind.PLUGIN,
) -> ChangeView:
    return ChangeView(
        run="",
        site="",
        step=f"wordpress.{kind.value}",
        kind=kind.value,
        item=title.lower().replace(" ", "-"),
        title=title,
        from_version=was,
        to_version=now,
        outcome=outcome,
        why=why,
        finished=at(1),
    )


def failure(kind: str, why: str = "", outcome: Outcome = Outcome.FAILED, title: str = "") -> Failure:
    return Failure(
        run="", site="", step=kind, kind=kind, title=title or kind, outcome=outcome, why=why, finished=at(1)
    )


def work(
    site_name: str,
    day: int,
    *changes: ChangeView,
    outcome: Outcome | None = Outcome.CHANGED,
    why: str = "",
    failures: tuple[Failure, ...] = (),
    hour: int = 1,
    playbook: str = "weekly",
) -> Did:
    start = at(day, hour)
    run = f"2026-11-{day:02}-{playbook}-{hour:02}7f"
    of = {"run": run, "site": site_name, "finished": start}
    return Did(
        SiteRun(
            run=run,
            playbook=playbook,
            title="Weekly patch window",
            window="weekly",
            site=site_name,
            outcome=outcome,
            why=why,
            started=start,
            finished=start + timedelta(minutes=4),
        ),
        tuple(replace(c, **of) for c in changes),
        tuple(replace(f, **of) for f in failures),
    )


def snapshot(site_name: str, day: int, size: int = 412_000_000) -> BackupView:
    taken = at(day, 1, 1)
    return BackupView(
        snapshot=f"{site_name}-{day}",
        site=site_name,
        client="acme",
        run=None,
        taken=taken,
        store="archive",
        uri="file",
        size=size,
        files=8412,
        tables=61,
        manifest_sha256="0" * 64,
        verified=taken + timedelta(minutes=1),
        removed=None,
    )


def seen(site_name: str, last: datetime, healthy: int = 4, unhealthy: int = 0) -> LookSummary:
    return LookSummary(
        site=site_name,
        total=healthy + unhealthy,
        healthy=healthy,
        unhealthy=unhealthy,
        unknown=0,
        slowest=0.4,
        first=at(1),
        last=last,
    )


def window(day: int, state: WindowState, why: str = "", site_name: str = "") -> WindowView:
    return WindowView(
        window="weekly",
        client="acme",
        site=site_name,
        starts=at(day, 1, 0),
        closes=at(day, 3, 0),
        state=state,
        run=None,
        why=why,
        recorded=at(day, 4, 0),
    )


WEEKS = (3, 10, 17, 24)
BACKUPS = tuple(
    snapshot(s, d, 412_000_000 if s == "shop" else 88_300_000) for d in WEEKS for s in ("shop", "blog")
)
LOOKS = tuple(seen(name, at(29)) for name in ("shop", "blog", "docs"))
WINDOWS = (
    NextWindow(
        window="weekly",
        starts=datetime(2026, 12, 1, 1, tzinfo=UTC),
        closes=datetime(2026, 12, 1, 3, tzinfo=UTC),
        sites=("shop", "blog"),
    ),
)
CALM = (
    work(
        "shop", 3,
        change("WordPress", "7.0.1", "7.0.2", kind=ItemKind.CORE),
        change("WooCommerce", "9.8.1", "9.8.3"),
    ),
    work("blog", 3, change("WordPress", "7.0.1", "7.0.2", kind=ItemKind.CORE)),
    work("shop", 10, change("Contact Form 7", "6.1.2", "6.1.3"), change("Yoast SEO", "26.2", "26.3")),
    work("blog", 10, outcome=Outcome.OK),
    work("shop", 17, change("WooCommerce Payments", "9.4.0", "9.5.0")),
    work("blog", 17, change("Twenty Twenty-Five", "1.3", "1.4", kind=ItemKind.THEME)),
    work("shop", 24, change("WooCommerce", "9.8.3", "9.9.0")),
    work("blog", 24, change("Antispam Bee", "2.11.8", "2.11.9")),
)  # fmt: skip


def report(
    *works: Did,
    sites: tuple[Site, ...] = (SHOP, BLOG),
    looks: tuple[LookSummary, ...] = LOOKS,
    last_looks: tuple[LastLook, ...] = (),
    backups: tuple[BackupView, ...] = BACKUPS,
    windows: tuple[WindowView, ...] = (),
    expected: dict[str, int] | None = None,
    now: datetime = DECEMBER_FIRST,
    period: Period = NOVEMBER,
    settings: Settings = SETTINGS,
    next_windows: tuple[NextWindow, ...] = WINDOWS,
    **of_client,
) -> ReportData:
    who = client(**of_client)
    start, end = period.instants(who.timezone)
    changes = (found for did in works for found in did.changes)
    failures = (found for did in works for found in did.failures)
    history = History(
        sites=tuple(found.name for found in sites),
        start=start,
        end=end,
        runs=tuple(sorted((did.run for did in works), key=lambda run: run.started)),
        changes=tuple(sorted(changes, key=lambda found: found.finished)),
        failures=tuple(sorted(failures, key=lambda found: found.finished)),
        backups=backups,
        looks=looks,
        last_looks=last_looks
        or tuple(LastLook(site=one.site, healthy=one.healthy > 0, at=one.last) for one in looks),
        windows=windows,
        holds=(),
        measured=frozenset(),
        first=None,
        last=None,
        since=None,
    )
    return assemble(
        who,
        sites,
        period,
        history,
        settings,
        now=now,
        next_windows=next_windows,
        due_windows=DueWindows(expected_backups=expected),
    )


def good(**of_client) -> ReportData:
    return report(*CALM, expected={"shop": 4, "blog": 4}, **of_client)


def attention(**of_client) -> ReportData:
    slider = change(
        "Slider Deluxe",
        "4.1",
        "4.2",
        Outcome.UNDONE,
        "lacks the text 'Add to cart'",
    )
    core = change(
        "WordPress",
        "7.0.2",
        "8.0",
        Outcome.HELD,
        "major updates of core are held by the policy",
        ItemKind.CORE,
    )
    retried = change("Yoast SEO", "26.3", "26.4", Outcome.FAILED, "the download was cut off")
    works = (
        *CALM,
        work("shop", 24, slider, core, outcome=Outcome.UNDONE, hour=2),
        work("blog", 10, retried, outcome=Outcome.FAILED, hour=3),
        work("blog", 17, change("Yoast SEO", "26.3", "26.4"), hour=3),
    )
    return report(*works, expected={"shop": 4, "blog": 5}, **of_client)


def action(**of_client) -> ReportData:
    broken = work(
        "shop",
        28,
        change("WooCommerce", "9.9.0", "10.0.0", Outcome.FAILED, "the package could not be unpacked"),
        outcome=Outcome.FAILED,
    )  # fmt: skip
    away = work("blog", 28, outcome=Outcome.UNREACHABLE, why="no answer from the server within 10 s")
    return report(*CALM, broken, away, **of_client)


PACKAGES = "apt bash curl dpkg gzip libc6 libssl3 nginx openssh-server openssl php8.2-fpm sudo tzdata zlib1g"


def package(name: str, *more) -> ChangeView:
    return change(name, "1.2.3-4+deb12u1", "1.2.3-4+deb12u2", *more, kind=ItemKind.PACKAGE)


def server(**of_client) -> ReportData:
    """A month in which most packages of a server were updated."""
    unpacked = (Outcome.FAILED, "its own script failed: no space left on device")
    kept = (Outcome.HELD, "held on the host")
    works = (
        *CALM,
        work("shop", 3, *map(package, PACKAGES.split())),
        work("shop", 10, package("openssl")),
        work(
            "shop", 17, package("nginx", *unpacked), package("php8.2-fpm", *unpacked), outcome=Outcome.FAILED
        ),
        work("blog", 24, *(package(name, *kept) for name in ("linux-image", "mariadb-server", "redis"))),
    )
    return report(*works, **of_client)


def empty(**of_client) -> ReportData:
    return report(looks=(), backups=(), **of_client)


def many(count: int = 60, **of_client) -> ReportData:
    plugins = [
        change(f"Plugin number {n}", f"{n % 7}.{n % 3}.{n % 5}", f"{n % 7}.{n % 3 + n % 2}.{n % 5 + 1}")
        for n in range(count)
    ]
    works = [work("shop" if n % 2 else "blog", WEEKS[n % 4], plugin) for n, plugin in enumerate(plugins)]
    return report(*works, **of_client)


def hostile(**of_client) -> ReportData:
    works = (
        work(
            "shop", 3,
            change("<script>alert('x')</script> & <b>Söhne</b> 😀", "1.0", "1.1<i>"),
            change("Ein Erweiterungsname-ohne-Ende-" + "x" * 90,
                "10.20.30-beta.4+build.20261101",
                "10.20.31-rc.1+build.20261102",
            ),
            change("إضافة التقويم العربي", "2.0", "2.1"),
            change(
                "Red\x1b[31m alert\x07 \u202eevil",
                "3",
                "4",
                Outcome.FAILED,
                "exit 1:\r\n\x1b[2J<img src=x onerror=y>",
            ),
            outcome=Outcome.FAILED,
        ),
        work("blog", 3, outcome=Outcome.OK),
    )  # fmt: skip
    name = "Müller & Söhne <Bäckerei> 🥐 \x1b[1m"
    return report(*works, **({"name": name} | of_client))
