"""Names of websites: renames, moves, removals and reused names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.errors import LockedError, UsageError
from runner.model import Client, Outcome, Period
from runner.record import BackupView, HeldAutoUpdate, History, Ledger, LookView, WindowState, WindowView
from tests.record.book import at, change, create, inventory, site, work

UPDATE = change("forms", "1.0", "1.1")
BLOG = site("blog")


def of_client(ledger: Ledger, client: str, *sites: str, month: str = "2026-11") -> History:
    return ledger.reports.history(sites, *Period.parse(month).instants("UTC"), client=client)


def runs(history: History) -> list[tuple[str, str]]:
    return [(run.run, run.site) for run in history.runs]


def state(ledger: Ledger, name: str = "blog") -> None:
    """Record a hold, a sighting, a switched-off automatic update and a snapshot of a site."""
    ledger.sightings.first_seen(name, [("plugin", "forms", "1.1")], at(3))
    ledger.holds.add(name, "slider", "4.2", why="white page", since=at(3))
    held = HeldAutoUpdate(kind="plugin", key="slider", item="slider", why="held")
    ledger.auto_updates.asked(name, "r1", held, was="on", at=at(3))
    ledger.backups.record(
        BackupView(
            snapshot="s1",
            site=name,
            client="acme",
            run="r1",
            taken=at(3),
            store="archive",
            uri=f"/b/{name}/s1",
            size=1,
            manifest_sha256="",
        )
    )


def create_unfinished(ledger: Ledger, run: str, name: str) -> None:
    """Create an unfinished run of a site."""
    create(ledger,
        "{}", run=run, playbook="weekly", title="", sites=[(name, "acme", "web1", 0, 0)], steps=[],
        started=at(14), trigger="manual",
    )  # fmt: skip


def kept(ledger: Ledger, name: str) -> tuple[list[str], list[str], list[str], bool]:
    """Return holds, unsettled automatic updates, snapshots, and whether a version was known before."""
    seen = ledger.sightings.first_seen(name, [("plugin", "forms", "1.1")], at(28))
    return (
        [hold.item for hold in ledger.holds.list(name)],
        [auto.item for auto in ledger.auto_updates.list_unsettled(name)],
        [backup.snapshot for backup in ledger.backups.list(name)],
        set(seen.values()) == {at(3)},
    )


ALL = (["slider"], ["slider"], ["s1"], True)
NOTHING = ([], [], [], False)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with a run and other rows of the site `blog` of acme."""
    ledger.websites.sync(inventory(BLOG), at=at(1))
    work(ledger, "r1", at(3), UPDATE, on="blog")
    state(ledger)
    return ledger


def test_moved_site_is_split_by_client(filled: Ledger):
    filled.websites.sync(inventory(site("blog", "bolt"), site("shop")), at=at(15))
    work(filled, "r2", at(20), change("forms", "1.1", "1.2"), on="blog", client="bolt", healthy=False)
    acme, bolt = of_client(filled, "acme", "shop"), of_client(filled, "bolt", "blog")
    assert runs(acme) == [("r1", "blog")]
    assert runs(bolt) == [("r2", "blog")]
    assert [(c.to_version, c.run) for c in bolt.changes] == [("1.2", "r2")]
    assert [look.total for look in acme.looks] == [1]
    assert [(look.site, look.healthy) for look in acme.last_looks if look.site == "blog"] == [("blog", True)]
    assert [(look.site, look.healthy) for look in bolt.last_looks] == [("blog", False)]
    assert ([b.snapshot for b in acme.backups], bolt.backups) == (["s1"], ())
    assert kept(filled, "blog") == ALL, "what is known of the website goes with it"


def test_site_is_not_in_report_before_its_move(filled: Ledger):
    filled.websites.sync(inventory(site("blog", "bolt"), site("shop", "bolt")), at=at(15, month=12))
    assert of_client(filled, "bolt", "blog", "shop").sites == ("shop",)
    assert of_client(filled, "acme").sites == ("blog",)


def test_run_detects_moved_site(filled: Ledger):
    work(filled, "r2", at(20), UPDATE, on="blog", client="bolt")
    (blog,) = filled.websites.list()
    assert (blog.client, blog.moved) == ("bolt", at(20))


@pytest.mark.parametrize("changed", [{}, {"url": "https://new.example"}, {"host": "web2", "path": "/x"}])
def test_renamed_site_keeps_its_rows(filled: Ledger, changed: dict[str, str]):
    new = site("journal", was="blog", **({"url": BLOG.url, "path": BLOG.path} | changed))
    said = filled.websites.sync(inventory(new), at=at(15))
    assert said == ("site blog is now journal; its history is kept",)
    assert kept(filled, "journal") == ALL
    assert runs(of_client(filled, "acme", "journal")) == [("r1", "journal")]
    assert filled.websites.names_in_run("r1") == {"journal": "blog"}
    assert [b.snapshot for b in filled.backups.list("blog")] == ["s1"], "the old name is still understood"
    assert [act.act for act in filled.acts.list()][-1] == "rename"
    assert filled.acts.verify().problem == ""


def test_rename_is_applied_once(filled: Ledger):
    new = site("journal", was="blog")
    filled.websites.sync(inventory(new), at=at(15))
    acts = len(filled.acts.list())
    assert filled.websites.sync(inventory(new), at=at(16)) == ()
    assert len(filled.acts.list()) == acts
    another = site("blog", url="https://other.example", path="/srv/other")
    assert filled.websites.sync(inventory(new, another), at=at(17)) == (), "the name is free again"
    assert kept(filled, "blog") == NOTHING
    assert filled.websites.sync(inventory(new), at=at(18)) == (), (
        "`was` does not mean the one that has it now"
    )
    assert kept(filled, "journal") == ALL


def test_site_can_be_renamed_twice_and_back(filled: Ledger):
    filled.websites.sync(inventory(site("journal", was="blog")), at=at(15))
    filled.websites.sync(inventory(site("diary", was="journal")), at=at(16))
    assert kept(filled, "diary") == ALL
    filled.websites.sync(inventory(site("blog", was="diary")), at=at(17))
    assert kept(filled, "blog") == ALL
    assert [one.name for one in filled.websites.list()] == ["blog"]


def test_late_rename_merges_rows(filled: Ledger):
    journal = {"url": BLOG.url, "path": BLOG.path}
    filled.websites.sync(inventory(site("journal", **journal)), at=at(15))
    work(filled, "r2", at(16), UPDATE, on="journal")
    filled.sightings.first_seen("journal", [("plugin", "forms", "1.1")], at(16))
    assert filled.holds.list("journal") == ()
    filled.websites.sync(inventory(site("journal", was="blog", **journal)), at=at(17))
    assert kept(filled, "journal") == ALL
    assert runs(of_client(filled, "acme", "journal")) == [("r1", "journal"), ("r2", "journal")]
    assert len(filled.websites.list()) == 1


def test_run_under_old_name_can_be_finished(filled: Ledger):
    create_unfinished(filled, "r2", "blog")
    filled.websites.sync(inventory(site("journal", was="blog")), at=at(15))
    filled.looks.record(
        LookView(site="blog", run="r2", at=at(15), phase="after", signal="page", healthy=True)
    )
    filled.holds.add("blog", "forms", "9", why="")
    filled.sites.finished("r2", "blog", Outcome.OK, "", at(15))
    assert {hold.item for hold in filled.holds.list("journal")} == {"slider", "forms"}
    assert of_client(filled, "acme").looks[0].total == 2
    assert len(filled.websites.list()) == 1


def test_rename_with_old_name_in_inventory_is_refused(filled: Ledger):
    both = inventory(BLOG, site("journal", was="blog"))
    with pytest.raises(UsageError, match=r"journal has `was: blog`, but blog is still in"):
        filled.websites.sync(both, at=at(15))
    assert kept(filled, "blog") == ALL


def test_reused_name_inherits_nothing(filled: Ledger):
    another = site("blog", "bolt", url="https://other.example", host="web2", path="/srv/other")
    (said,) = filled.websites.sync(inventory(another), at=at(15))
    assert "the history of the previous one is kept as blog@2026-11-15" in said
    work(filled, "r2", at(20), UPDATE, on="blog", client="bolt")
    assert kept(filled, "blog") == NOTHING
    assert runs(of_client(filled, "bolt", "blog")) == [("r2", "blog")]
    assert runs(of_client(filled, "acme")) == [("r1", "blog@2026-11-15")]
    assert kept(filled, "blog@2026-11-15") == ALL
    assert filled.websites.names_in_run("r1") == {"blog@2026-11-15": "blog"}


def test_reused_name_of_client_is_two_sites_in_report(filled: Ledger):
    filled.websites.sync(inventory(site("blog", url="https://other.example", path="/srv/other")), at=at(15))
    work(filled, "r2", at(20), UPDATE, on="blog")
    history = of_client(filled, "acme", "blog")
    assert runs(history) == [("r1", "blog@2026-11-15"), ("r2", "blog")]
    assert {one.name: one.url for one in history.websites} == {
        "blog": "https://other.example",
        "blog@2026-11-15": BLOG.url,
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "https://www.blog.example/"},
        {"url": "http://BLOG.example"},
        {"url": "https://new.example"},
        {"host": "web2"},
        {"host": "web2", "path": "/srv/www"},
        {"host": "web2", "path": "/srv/www", "url": "https://www.blog.example"},
        {"host": "web2", "path": "/srv/www", "url": "https://new.example", "was": "blog"},
    ],
)
def test_new_domain_or_server_is_same_website(filled: Ledger, changed: dict[str, str]):
    assert filled.websites.sync(inventory(site("blog", **changed)), at=at(15)) == ()
    assert kept(filled, "blog") == ALL


def test_retired_website_can_be_merged(filled: Ledger):
    new = {"url": "https://new.example", "path": "/srv/new"}
    filled.websites.sync(inventory(site("blog", **new)), at=at(15))
    work(filled, "r2", at(20), UPDATE, on="blog")
    filled.websites.sync(inventory(site("blog", was="blog@2026-11-15", **new)), at=at(21))
    assert kept(filled, "blog") == ALL
    assert runs(of_client(filled, "acme", "blog")) == [("r1", "blog"), ("r2", "blog")]


def test_name_keeps_its_meaning_during_run(filled: Ledger):
    create_unfinished(filled, "r2", "blog")
    another = site("blog", url="https://other.example", path="/srv/other")
    assert filled.websites.sync(inventory(another), at=at(15)) == ()
    with pytest.raises(LockedError, match="run r2 of the previous one has not ended") as caught:
        filled.websites.check_names_free([another])
    assert "sitecrew cancel r2" in caught.value.hint
    filled.runs.finished("r2", Outcome.OK, at(16))
    assert filled.websites.sync(inventory(another), at=at(17))
    filled.websites.check_names_free([another])
    assert kept(filled, "blog") == NOTHING


REUSED = site("blog", url="https://other.example", path="/srv/other")


def test_run_with_reused_name_is_not_resumed(filled: Ledger):
    work(filled, "r2", at(5), on="blog", outcome=Outcome.UNREACHABLE)
    filled.websites.check_names_unchanged("r2")
    filled.websites.sync(inventory(REUSED), at=at(15))
    with pytest.raises(UsageError, match=r"blog is a different website now.* as blog@2026-11-15") as caught:
        filled.websites.check_names_unchanged("r2")
    assert caught.value.hint == "start a new run; see: sitecrew show r2"
    filled.websites.check_names_unchanged("r1")


def test_run_of_renamed_site_is_resumed_until_name_is_reused(filled: Ledger):
    create_unfinished(filled, "r2", "blog")
    journal = site("journal", was="blog", url=BLOG.url, path=BLOG.path)
    filled.websites.sync(inventory(journal), at=at(15))
    filled.websites.check_names_unchanged("r2")
    filled.websites.sync(inventory(journal, REUSED), at=at(16))
    with pytest.raises(UsageError, match="in the ledger as journal") as caught:
        filled.websites.check_names_unchanged("r2")
    assert caught.value.hint == "sitecrew cancel r2"


def test_run_uses_website_of_its_old_name(filled: Ledger):
    create_unfinished(filled, "r2", "blog")
    journal = site("journal", was="blog", url=BLOG.url, path=BLOG.path)
    filled.websites.sync(inventory(journal), at=at(15))
    filled.websites.sync(inventory(journal, REUSED), at=at(15))
    offer = ("plugin", "forms", "1.1")
    assert filled.sightings.first_seen("blog", [offer], at(16), run="r2") == {offer: at(3)}
    assert [hold.item for hold in filled.holds.list("blog", run="r2")] == ["slider"]
    assert [auto.item for auto in filled.auto_updates.list_unsettled("blog", run="r2")] == ["slider"]
    filled.holds.add("blog", "forms", "9", why="", run="r2")
    assert [hold.item for hold in filled.holds.list("journal")] == ["forms", "slider"]
    assert filled.holds.lift("blog", "slider", run="r2") == 1
    assert [hold.item for hold in filled.holds.list("journal")] == ["forms"]
    assert kept(filled, "blog") == NOTHING


def test_read_only_ledger_finds_site_by_old_name(filled: Ledger, url: str):
    with Ledger.open(url, read_only=True) as reader:
        assert reader.websites.recorded_name(BLOG) == "blog"
        assert reader.websites.recorded_name(site("journal", was="blog")) == "blog"
        assert reader.websites.recorded_name(site("shop")) == "shop"
        assert reader.websites.recorded_name(REUSED) == ""
    filled.websites.sync(inventory(site("journal", was="blog")), at=at(15))
    with Ledger.open(url, read_only=True) as reader:
        assert reader.websites.recorded_name(site("journal", was="blog")) == "journal"
        assert reader.websites.recorded_name(REUSED) == "blog"
        assert kept(reader, reader.websites.recorded_name(site("diary", was="journal"))) == ALL


def test_site_that_returns_is_same_website(filled: Ledger):
    filled.websites.sync(inventory(site("shop")), at=at(15))
    assert runs(of_client(filled, "acme")) == [("r1", "blog")]
    filled.websites.sync(inventory(BLOG), at=at(20))
    assert kept(filled, "blog") == ALL


def test_renamed_client_keeps_its_rows(filled: Ledger):
    for start in (at(3), at(10)):
        closes = start + timedelta(hours=2)
        filled.windows.claim(
            WindowView(
                window="weekly", client="acme", starts=start, closes=closes, state=WindowState.MISSED,
                recorded=closes,
            )
        )  # fmt: skip
    filled.reports.record("acme", "2026-10", "final", status="good", data={})
    new = Client(id="acme-gmbh", name="Acme GmbH", language="de", timezone="Europe/Berlin", was="acme")
    said = filled.websites.sync(inventory(site("blog", "acme-gmbh"), clients=(new,)), at=at(15))
    assert said == ("client acme is now acme-gmbh; its history is kept",)
    history = of_client(filled, "acme-gmbh", "blog")
    assert runs(history) == [("r1", "blog")]
    assert (len(history.windows), len(history.backups)) == (2, 1)
    assert filled.reports.get("acme-gmbh", "2026-10", "final") is not None
    assert of_client(filled, "acme").runs == ()
    (blog,) = filled.websites.list()
    assert blog.moved is None, "nothing has moved to another client"
    assert filled.websites.sync(inventory(site("blog", "acme-gmbh"), clients=(new,)), at=at(16)) == ()
    assert filled.acts.verify().problem == ""


def test_former_client_keeps_last_values(filled: Ledger):
    german = Client(id="acme", name="Acme", language="de", timezone="Europe/Berlin")
    filled.websites.sync(inventory(BLOG, clients=(german,)), at=at(10))
    filled.websites.sync(inventory(site("shop", "bolt")), at=at(20))
    last = filled.clients.get("acme")
    assert last is not None
    assert (last.name, last.language, last.timezone) == ("Acme", "de", "Europe/Berlin")
    assert runs(of_client(filled, "acme")) == [("r1", "blog")]


def test_read_only_ledger_is_not_synced(filled: Ledger, url: str):
    with Ledger.open(url, read_only=True) as reader:
        assert reader.websites.sync(inventory(site("journal", was="blog")), at=at(15)) == ()
    assert kept(filled, "blog") == ALL


def test_erasure_keeps_rows_of_next_client(filled: Ledger):
    filled.websites.sync(inventory(site("blog", "bolt")), at=at(15))
    work(filled, "r2", at(20), UPDATE, on="blog", client="bolt")
    filled.clients.erase("acme")
    assert runs(of_client(filled, "bolt", "blog")) == [("r2", "blog")]
    assert of_client(filled, "acme").runs == ()
    assert [hold.item for hold in filled.holds.list("blog")] == ["slider"]
    filled.clients.erase("bolt")
    assert (filled.websites.list(), filled.holds.list()) == ((), ())


def test_erasure_keeps_rows_of_previous_client(filled: Ledger):
    filled.websites.sync(inventory(site("blog", "bolt")), at=at(15))
    work(filled, "r2", at(20), UPDATE, on="blog", client="bolt")
    filled.clients.erase("bolt")
    assert runs(of_client(filled, "acme")) == [("r1", "blog")]
    (blog,) = filled.websites.list()
    assert (blog.client, blog.url, blog.path) == ("", "", "")
    assert filled.clients.names() == {"acme"}
