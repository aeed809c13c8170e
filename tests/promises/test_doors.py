"""Promise: whatever stands in front of a site, a bad update is rolled back and good ones stay."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.caches import drop_in, empty, page_cache, visitors
from lab.doors import PASSWORD, TOKEN, USER, door, member_cookie
from lab.gauntlet import CASES, SLUG, WORST, Case
from lab.good_updates import GOOD_UPDATES, offer_good_updates
from lab.networks import map_domain
from tests.crew import Crew, check_host_is_clean, check_nobody_is_left
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import OPTIONS, files_of
from tests.promises.test_sub_sites import with_the_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

PLAIN, NETWORK = "acme-blog", "globex-network"
KNOWN = {case.name: case for case in CASES}
PROGRAMS = {
    "stylesheets gone": Case(
        name="an error in what REST tells of a page",
        expected="undone",
        php="add_filter( 'rest_prepare_page', function () { weathervane_is_missing(); } );",
        because="/wp/v2/pages",
    ),
    "text gone": Case(
        name="routes of REST gone",
        expected="undone",
        php="add_filter( 'rest_endpoints', function ( $all ) {"
        " return array_filter( $all, function ( $route ) { return 0 !== strpos( $route, '/wp/v2' ); },"
        " ARRAY_FILTER_USE_KEY ); } );",
        because="/wp/v2/pages",
    ),
}
"""Where the front page is for nobody, its looks are no difference; what programs read is."""
ON_A_SUB_SITE = {
    "fatal on load": "weathervane_is_missing",
    "fatal in wp-admin only": "/berlin/wp-admin/admin-ajax.php",
    "fatal in REST only": "/berlin/?rest_route",
    "memory exhausted": "Allowed memory size",
    "text gone": "has lost most of its content",
}


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands before the site, and what is different there."""

    door: str = ""
    key: str = ""
    """What a visitor shows who is let in: password, header or cookie."""
    shown: bool = False
    """The inventory's `access` has it too."""
    sub_site: str = ""
    mapped: bool = False
    cache: str = ""
    expect: str = ""
    """On the front page, where it is not the site's own text."""
    status: int = 200
    """Of the front page for those who are let in."""
    instead: Mapping[str, Case] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)


FRONTS = {
    "password with access": Front(door="password", key="password", shown=True),
    "password": Front(door="password", key="password"),
    "challenge with access": Front(door="challenge", key="header", shown=True),
    "challenge": Front(door="challenge", key="header"),
    "firewall": Front(door="query"),
    "members with access": Front(door="members", key="cookie", shown=True),
    "members": Front(door="members", key="cookie"),
    "headless": Front(door="headless", status=404, instead=PROGRAMS),
    "headless elsewhere": Front(door="headless elsewhere", status=302, instead=PROGRAMS),
    "soon": Front(door="soon", key="cookie"),
    "soon by wp_die": Front(door="soon by wp_die", key="cookie"),
    "sub-site": Front(sub_site="berlin", because=ON_A_SUB_SITE),
    "mapped domain": Front(
        sub_site="berlin",
        mapped=True,
        because={name: text.removeprefix("/berlin") for name, text in ON_A_SUB_SITE.items()},
    ),
    "cache of nginx": Front(cache="nginx"),
    "drop-in": Front(cache="drop-in"),
    "password on wp-admin": Front(door="password on wp-admin"),
    "cookie wall with access": Front(door="cookie wall", key="consent", shown=True),
    "REST closed": Front(door="REST closed"),
    "shell for scripts": Front(door="shell for scripts", expect="<title>Shop</title>"),
}
GIVEN = tuple(FRONTS)[:15]
SOME = ("fatal on the front only", "fatal in wp-admin only", "fatal in REST only", "deletes another plugin")


class Standing:
    """A site behind a front, and a crew that looks after it; made anew after a test that failed."""

    def __init__(self, fleet: Fleet, front: Front, folder: Path) -> None:
        self.fleet, self.front, self.folder = fleet, front, folder
        self.name = NETWORK if front.sub_site else PLAIN
        self.spec = fleet.spec.site(self.name)
        self.home, self.root = fleet.spec.url(self.spec), fleet.spec.path(self.spec)
        self.text = "" if front.sub_site else self.spec.expect
        self.expect = front.expect or self.text
        self.version, self.built = 0, 0
        self.fit = False
        self.stack = ExitStack()

    def stand(self) -> None:
        """Everything as at the beginning, unless it is."""
        if self.fit:
            return
        self.stack.close()
        fleet, front = self.fleet, self.front
        fleet.catalogue.reset()
        if front.sub_site:
            fleet.need(self.name)
        else:
            fleet.reset(self.name)
        self.url = self.home
        if front.mapped:
            self.url = self.stack.enter_context(map_domain(fleet, self.name, front.sub_site))
        elif front.sub_site:
            self.url = f"{self.home}/{front.sub_site}"
        at = (f"--url={self.url}/",) if front.sub_site else ()
        if at:  # a page that shows something
            text = "<p>What the dough says of the weather in Berlin, hour by hour.</p>" * 40
            words = ("--post_title=Berlin", f"--post_content={text}", "--post_status=publish")
            fleet.wp(self.name, "post", "create", *words, *at)
        fleet.catalogue.plugin(SLUG, "1.0")
        fleet.install(self.name, "plugins", SLUG, "1.0")
        fleet.wp(self.name, "plugin", "activate", SLUG, *at)
        self.secret = {"password": PASSWORD, "header": TOKEN, "consent": TOKEN}.get(front.key, "none")
        self.cookie = ("", "")
        if front.key == "cookie":
            self.cookie = member_cookie(fleet, self.name)
            self.secret = self.cookie[1]
        if front.door:
            self.stack.enter_context(door(fleet, self.name, front.door))
        if front.cache:
            cache = page_cache if front.cache == "nginx" else drop_in
            self.stack.enter_context(cache(fleet, self.name))
        self.built += 1
        self.crew = self._crew(self.folder / str(self.built))
        self.version, self.fit = 0, True

    def _crew(self, folder: Path) -> Crew:
        if self.front.sub_site:
            crew = with_the_network(self.fleet, self.home, folder)
            lines = "private: true\n"
        else:
            crew, lines = Crew(self.fleet, folder, ONE), ""
            if self.front.expect:
                crew.edit("inventory.yaml", f'expect: "{self.text}"', f'expect: "{self.expect}"')
        if self.front.shown:
            lines += f"access: {self._access()}\n"
        if self.front.cache:
            lines += f"purge: {empty(self.fleet, self.name)}\n"
        path = f"path: {self.root}\n"
        text = (crew.folder / "inventory.yaml").read_text()
        at = text.index(path)
        indent = " " * (at - text.rindex("\n", 0, at) - 1)
        more = "".join(f"{indent}{line}\n" for line in lines.splitlines())
        crew.edit("inventory.yaml", f"{indent}{path}", f"{indent}{path}{more}")
        plugins = [one.slug for one in GOOD_UPDATES if one.kind == "plugins"]
        themes = [one.slug for one in GOOD_UPDATES if one.kind == "themes"]
        crew.playbook(
            "good",
            f"name: Good\nsteps:\n  - wordpress.plugins: {{update: [{', '.join(plugins)}]}}\n"
            f"  - wordpress.themes: {{update: [{', '.join(themes)}]}}\n",
        )
        return crew

    def _access(self) -> str:
        secret = "{env: DOOR}"
        return {
            "password": f"{{user: {USER}, password: {secret}}}",
            "header": f"{{header: {{name: X-Access-Token, value: {secret}}}}}",
            "consent": f"{{cookie: {{name: consent, value: {secret}}}}}",
            "cookie": f"{{cookie: {{name: {self.cookie[0]}, value: {secret}}}}}",
        }[self.front.key]

    @property
    def keys(self) -> dict[str, str]:
        """The headers of a visitor who is let in."""
        basic = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return {
            "": {},
            "password": {"Authorization": f"Basic {basic}"},
            "header": {"X-Access-Token": TOKEN},
            "consent": {"Cookie": f"consent={TOKEN}"},
            "cookie": {"Cookie": "=".join(self.cookie)},
        }[self.front.key]

    def offer(self, case: Case) -> str:
        """The bad version, newer than all that were tried before."""
        self.version += 1
        return self.fleet.catalogue.plugin(SLUG, f"1.{self.version}", php=case.php)

    def run(self, playbook: str) -> tuple[Any, list[dict[str, Any]]]:
        visited = (f"{self.url}/", f"{self.url}/about/") if self.front.cache else ()
        with visitors(visited) if visited else nullcontext():
            said = self.crew.say("run", playbook, "-l", self.name, "--json", env={"DOOR": self.secret})
        changes = [change for step in self.crew.site(self.name)["steps"] for change in step["changes"]]
        return said, [change for change in changes if change["to"]]

    def files(self) -> dict[str, object]:
        return files_of(self.root)

    def options(self) -> list[str]:
        """Those by which a site works, and those of the plugin."""
        rows = self.fleet.sql(self.name, "SELECT option_name, option_value FROM wp_options").splitlines()
        return sorted(row for row in rows if row.split("\t")[0] in OPTIONS or row.startswith(SLUG))

    def check_well(self) -> None:
        """As somebody has it who is let in; nothing of our work is left on the host."""
        get = {"headers": self.keys, "timeout": 20}
        page = httpx.get(f"{self.url}/", **get)
        assert page.status_code == self.front.status
        if page.status_code == 200:
            assert self.expect in page.text
            assert "</html>" in page.text
            assert "Coming soon" not in page.text
            self.check_styles(page.text)
        if self.front.door != "REST closed":
            pages = httpx.get(f"{self.url}/?rest_route=/wp/v2/pages", **get).json()
            assert any(self.text in one["content"]["rendered"] for one in pages)
        if self.front.door != "password on wp-admin":
            ajax = httpx.get(f"{self.url}/wp-admin/admin-ajax.php?action=x", **get)
            assert ajax.status_code == 400
        if self.front.sub_site:
            assert httpx.get(f"{self.home}/", timeout=20).status_code == 200
        if self.front.cache:
            self.check_styles(httpx.get(f"{self.url}/about/", timeout=20).text)
        assert (self.root / "wp-content/plugins/copper-crumbs/copper-crumbs.php").exists()
        assert not (self.root / ".maintenance").exists()
        assert not list((self.root / "wp-content").glob(".sitecrew-*/*.bad"))
        check_nobody_is_left(self.fleet, self.spec.host)
        check_host_is_clean(self.fleet, self.spec.host)

    def check_styles(self, text: str) -> None:
        """Every stylesheet that a page names is there."""
        for url in re.findall(r"<link[^>]+stylesheet[^>]+href=['\"]([^'\"]+)", text):
            assert httpx.get(url.replace("&#038;", "&"), headers=self.keys, timeout=20).status_code == 200, (
                url
            )


@pytest.fixture(scope="module")
def standing(fleet: Fleet, request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Standing]:
    standing = Standing(fleet, FRONTS[request.param], tmp_path_factory.mktemp("front"))
    yield standing
    standing.stack.close()
    fleet.catalogue.reset()
    if standing.front.sub_site:
        fleet.need(standing.name)
    else:
        fleet.reset(standing.name)


def pairs() -> list[Any]:
    """Every case behind the fronts that were asked for, some behind the others."""
    return [
        pytest.param(front, case, id=f"{front}-{case}".replace(" ", "-"))
        for front in FRONTS
        for case in (WORST if front in GIVEN else SOME)
    ]


@pytest.mark.parametrize(("standing", "name"), pairs(), indirect=["standing"])
def test_one_of_the_worst_updates_is_rolled_back(standing: Standing, name: str) -> None:
    standing.stand()
    case = standing.front.instead.get(name, KNOWN[name])
    case = replace(case, because=standing.front.because.get(name, case.because))
    before, options = standing.files(), standing.options()
    standing.offer(case)
    standing.fit = False
    said, [change] = standing.run("one")
    assert (said.code, change["outcome"]) == (5, "undone"), (change, said)
    assert case.because in change["why"]
    assert standing.files() == before
    assert standing.options() == options
    standing.check_well()
    standing.fit = True


@pytest.mark.parametrize("standing", FRONTS, indirect=True, ids=lambda name: name.replace(" ", "-"))
def test_good_updates_stay(standing: Standing) -> None:
    standing.stand()
    standing.fit = False
    offer_good_updates(standing.fleet, standing.name, f"{standing.url}/" if standing.front.sub_site else "")
    said, changes = standing.run("good")
    assert said.code == 0, (changes, said)
    assert {change["item"]: change["outcome"] for change in changes} == {
        one.slug: "changed" for one in GOOD_UPDATES
    }
    assert not [change for change in changes if change["unverified"] or change["why"]]
    for one in GOOD_UPDATES:
        found = standing.root / f"wp-content/{one.kind}/{one.slug}"
        assert (
            "Version: 1.1"
            in (found / (f"{one.slug}.php" if one.kind == "plugins" else "style.css")).read_text()
        )
    standing.check_well()
