"""A valid workspace is loaded into the model."""

from __future__ import annotations

import time as clock
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from runner.errors import UnknownNameError, UsageError
from runner.load import find_workspace, load_playbook, load_workspace
from runner.model import (
    Access,
    CatchUp,
    Client,
    DateRange,
    Hold,
    Host,
    NamedSecret,
    Overlap,
    Rule,
    SecretRef,
    SecretSource,
    Site,
    SiteKind,
    UndoDatabase,
    UpdateRules,
    Updates,
    Window,
    WindowDay,
)

INVENTORY = """\
hosts:
  gate: {address: gate.example, password: {command: pass gate}}
  web1:
    address: 203.0.113.10
    port: 2222
    user: deploy
    gateway: gate
    identity_file: keys/id
    become: sudo
    become_password: {env: SUDO}
    php: /usr/bin/php8.2
    wp: /usr/local/bin/wp
clients:
  acme:
    name: Bäckerei Grün
    timezone: Europe/Berlin
    language: de-AT
    contacts: [{name: Jörg, email: jörg@grün.example}]
    updates: {patch: at-once, payments: {patch: hold}}
    hold: {seo: {why: being replaced}}
    sites:
      shop:
        url: https://shop.acme.example
        host: web1
        path: /srv/a shop's/größe/
        tags: [woocommerce, ring-1]
        pages: [/, /cart/]
        expect: Add to cart
        access:
          user: ada
          password: {env: SHOP}
          header: {name: X-Token, value: {file: token}}
          cookie: {name: pass, value: {command: pass cookie}}
        updates: {payments: {minor: {after: 7d}, major: hold, security: at-once}, minor: hold}
        hold: {woocommerce: {until: 2026-12-24, why: Christmas sales}, akismet: }
      docs: {url: "http://127.0.0.1:8080/docs", host: gate, path: /srv/docs, kind: static}
windows:
  weekly:
    playbook: patch
    day: second tuesday
    at: 22:30
    lasts: 1h30m
    timezone: client
    sites: [tag:wordpress, docs, client:acme, host:web1, kind:static, sh*, 'all, !docs']
    rings: [tag:ring-0, tag:ring-1, all]
    blackouts: [2026-11-27, 2026-12-20/2027-01-02]
    catch_up: none
    deadline: 30m
    overlap: queue
    jitter: 5m
  plain: {playbook: patch, day: 15, at: 2:00, timezone: Europe/Paris}
"""
SETTINGS = """\
agency: {name: Northwind, logo: logo.png, accent: "#0b6b57", reply_to: care@northwind.example}
mail:
  {host: smtp.example, from: Care <care@northwind.example>, username: u,
   password: {file: pw}, ca_file: ca.pem}
ledger: sqlite:///data/ledger.db
backups: {store: kept}
policy:
  updates: {core: {minor: {after: 1d}}, minor: {after: 3d}, security: at-once}
  hold: {slider: {until: 2027-01-31}}
  security: {forms: 5.10}
  undo: {database: never}
  rings: {failures: 25%, soak: 30m, order: [tag:ring-1, all]}
tools:
parallel: {sites: 5}
limits: {look: 4s}
ssh: {known_hosts: known, config: ~/x}
"""


@pytest.fixture
def full(load):
    return load({"inventory.yaml": INVENTORY, "sitecrew.yaml": SETTINGS})


def test_every_key_of_the_inventory_reaches_the_model(full):
    inventory, folder = full.inventory, full.folder
    assert inventory.hosts["web1"] == Host(
        name="web1",
        address="203.0.113.10",
        port=2222,
        user="deploy",
        gateway="gate",
        identity_file=str(folder / "keys/id"),
        become="sudo",
        become_password=SecretRef(SecretSource.ENV, "SUDO"),
        php="/usr/bin/php8.2",
        wp="/usr/local/bin/wp",
    )
    client = inventory.clients["acme"]
    assert (client.name, client.timezone, client.language) == ("Bäckerei Grün", "Europe/Berlin", "de-AT")
    assert client.contacts[0].email == "jörg@grün.example"
    assert client.hold == {"seo": Hold("being replaced")}
    assert client.updates == Updates(
        all=UpdateRules(patch=Rule()), items={"payments": UpdateRules(patch=Rule(hold=True))}
    )
    assert inventory.sites["shop"] == Site(
        name="shop",
        client="acme",
        host="web1",
        url="https://shop.acme.example",
        path="/srv/a shop's/größe",
        tags=frozenset({"woocommerce", "ring-1", "wordpress"}),
        pages=("/", "/cart/"),
        expect="Add to cart",
        access=Access(
            user="ada",
            password=SecretRef(SecretSource.ENV, "SHOP"),
            header=NamedSecret("X-Token", SecretRef(SecretSource.FILE, "token")),
            cookie=NamedSecret("pass", SecretRef(SecretSource.COMMAND, "pass cookie")),
        ),
        updates=Updates(
            all=UpdateRules(minor=Rule(hold=True)),
            items={
                "payments": UpdateRules(
                    major=Rule(hold=True), minor=Rule(after=timedelta(days=7)), security=Rule()
                )
            },
        ),
        hold={"woocommerce": Hold("Christmas sales", date(2026, 12, 24)), "akismet": Hold()},
    )
    assert inventory.sites["docs"].kind is SiteKind.STATIC
    assert inventory.windows["weekly"] == Window(
        name="weekly",
        playbook="patch",
        days=(WindowDay(weekday=1, nth=2),),
        at=time(22, 30),
        lasts=timedelta(minutes=90),
        sites=("tag:wordpress", "docs", "client:acme", "host:web1", "kind:static", "sh*", "all, !docs"),
        rings=("tag:ring-0", "tag:ring-1", "all"),
        blackouts=(
            DateRange(date(2026, 11, 27), date(2026, 11, 27)),
            DateRange(date(2026, 12, 20), date(2027, 1, 2)),
        ),
        catch_up=CatchUp.NONE,
        deadline=timedelta(minutes=30),
        overlap=Overlap.QUEUE,
        jitter=timedelta(minutes=5),
    )


def test_keys_left_out_of_the_inventory_get_defaults(full):
    plain = Window(
        name="plain", playbook="patch", days=(WindowDay(monthday=15),), at=time(2), timezone="Europe/Paris"
    )
    assert full.inventory.windows["plain"] == plain
    assert full.inventory.hosts["gate"] == Host(
        name="gate", address="gate.example", password=SecretRef(SecretSource.COMMAND, "pass gate")
    )
    docs = Site(
        name="docs", client="acme", host="gate", url="http://127.0.0.1:8080/docs", path="/srv/docs",
        kind=SiteKind.STATIC, tags=frozenset({"static"}),
    )  # fmt: skip
    assert full.inventory.sites["docs"] == docs


def test_minimal_client_gets_defaults(load):
    workspace = load({"inventory.yaml": "clients: {acme: {name: Acme}}\n"})
    assert workspace.inventory.clients["acme"] == Client(id="acme", name="Acme")


def test_every_key_of_the_settings_reaches_the_model(full):
    settings, folder = full.settings, full.folder
    assert settings.agency.logo == str(folder / "logo.png")
    assert settings.mail.sender == "Care <care@northwind.example>"
    assert settings.mail.password == SecretRef(SecretSource.FILE, str(folder / "pw"))
    assert settings.mail.ca_file == str(folder / "ca.pem")
    assert settings.ledger.url == f"sqlite:///{folder}/data/ledger.db"
    assert settings.backups.store == str(folder / "kept")
    assert settings.policy.updates.all == UpdateRules(minor=Rule(after=timedelta(days=3)), security=Rule())
    assert settings.policy.updates.items == {"core": UpdateRules(minor=Rule(after=timedelta(days=1)))}
    assert settings.policy.hold == {"slider": Hold(until=date(2027, 1, 31))}
    assert settings.policy.security == {"forms": "5.10"}
    assert settings.policy.ring_order == ("tag:ring-1", "all")
    assert settings.policy.undo_database is UndoDatabase.NEVER
    assert (settings.policy.ring_failures, settings.policy.ring_soak) == (0.25, timedelta(minutes=30))
    assert (settings.parallel.sites, settings.parallel.per_host) == (5, 2)
    assert settings.limits.look == timedelta(seconds=4)
    assert settings.ssh.known_hosts == str(folder / "known")
    assert settings.ssh.config == str(Path("~/x").expanduser())


def test_steps_are_numbered_by_kind_and_keep_their_common_keys(load):
    text = """\
name: Weekly
steps:
  - backup:
  - shell: uptime
    tags: [a, b]
    when: tag:woo*
    timeout: 1h30m
    retries: 2
    become: true
    on_failure: continue
  - wordpress.database: {}
  - shell: {run: "echo $A", env: {A: b, C: {env: D}}}
    name: Say it
  - wordpress.plugins: {update: [a, b], except: c}
  - wordpress.themes: minor
"""
    book = load({"playbooks/patch.yaml": text}).playbooks["patch"]
    assert book.title == "Weekly"
    ids = ["backup", "shell", "wordpress.database", "shell-2", "wordpress.plugins", "wordpress.themes"]
    assert [step.id for step in book.steps] == ids
    shell, second, plugins, themes = book.steps[1], book.steps[3], book.steps[4], book.steps[5]
    assert (shell.options.run, shell.tags, shell.when) == ("uptime", frozenset({"a", "b"}), "tag:woo*")
    assert (shell.timeout, shell.retries, shell.become) == (timedelta(minutes=90), 2, True)
    assert (second.title, dict(second.options.env)) == (
        "Say it",
        {"A": "b", "C": SecretRef(SecretSource.ENV, "D")},
    )
    assert (plugins.options.update, plugins.options.exclude) == (("a", "b"), ("c",))
    assert themes.options.update == "minor"


def test_shipped_playbook_is_used_unless_replaced(make):
    folder = make({})
    shipped = load_workspace(folder).playbooks["weekly"]
    assert shipped == load_playbook(folder, "weekly")
    make({"playbooks/weekly.yaml": "steps: [{shell: uptime}]\n"})
    assert load_playbook(folder, "weekly").title == "weekly"


def test_unknown_playbook_gets_a_suggestion(make):
    with pytest.raises(UnknownNameError) as caught:
        load_playbook(make({}), "wekly")
    assert caught.value.hint == 'did you mean "weekly"?'


def test_workspace_has_the_variables_of_the_command_line(make):
    assert load_workspace(make({}), extra={"RELEASE": "a b"}).variables == {"RELEASE": "a b"}
    with pytest.raises(UsageError):
        load_workspace(make({}), extra={"a-b": "x"})


def test_nearest_folder_with_an_inventory_is_the_workspace(make, monkeypatch):
    folder = make({"deep/er/x": ""})
    monkeypatch.chdir(folder / "deep/er")
    assert find_workspace(None) == folder
    assert find_workspace(folder) == folder
    monkeypatch.chdir("/")
    monkeypatch.setenv("SITECREW_WORKSPACE", str(folder))
    assert find_workspace(None) == folder


def test_missing_inventory_suggests_sitecrew_init(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start in (None, tmp_path):
        with pytest.raises(UsageError) as caught:
            find_workspace(start)
        assert "sitecrew init" in caught.value.hint


@pytest.mark.parametrize("name", ["", "inventory.yaml", "playbooks", "playbooks/patch.yaml"])
def test_world_writable_workspace_is_refused(make, name):
    folder = make({})
    path = folder / name
    path.chmod(path.stat().st_mode | 0o002)
    with pytest.raises(UsageError) as caught:
        load_workspace(folder)
    assert caught.value.hint == f"chmod go-w {path}"


def test_anchors_and_merge_keys_are_resolved(load):
    text = """\
hosts: {web1: {address: a.example}}
clients:
  acme:
    name: Acme
    sites:
      one: &site
        url: https://one.example
        host: web1
        path: /srv/one
        tags: &tags [a]
      two: {<<: *site, path: /srv/two}
      three: {url: https://three.example, host: web1, path: /srv/three, tags: *tags}
"""
    sites = load({"inventory.yaml": text}).inventory.sites
    assert (sites["two"].url, sites["two"].path) == ("https://one.example", "/srv/two")
    assert sites["three"].tags == {"a", "wordpress"}


def test_five_hundred_sites_load_in_a_second(make):
    lines = ["hosts:", *(f"  web{n}: {{address: 203.0.113.{n}}}" for n in range(100)), "clients:"]
    for n in range(500):
        if n % 10 == 0:
            lines += [f"  c{n}:", f"    name: Client {n}", "    timezone: Europe/Berlin", "    sites:"]
        lines += [
            f"      s{n}:", f"        url: https://s{n}.example", f"        host: web{n % 100}",
            f"        path: /srv/s{n}", "        tags: [a, ring-1]", "        pages: [/, /cart/]",
            "        updates: {woo: {minor: {after: 7d}}}",
        ]  # fmt: skip
    folder = make({"inventory.yaml": "\n".join(lines)})
    started = clock.process_time()
    workspace = load_workspace(folder)
    assert len(workspace.inventory.sites) == 500
    assert clock.process_time() - started < 1
