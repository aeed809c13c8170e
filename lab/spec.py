"""What a fleet consists of. The defaults are the demo's; tests number their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["ClientSpec", "FleetSpec", "HostSpec", "SiteSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """A host: an sshd of its own on `<network>.<number>`, a unix user, a pool of PHP processes."""

    name: str
    number: int
    sshd: tuple[str, ...] = ()
    """More lines for sshd_config, e.g. `MaxSessions 1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSpec:
    """Whose sites they are, as the inventory will say."""

    id: str
    name: str
    timezone: str
    language: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpec:
    """A site in its first state. Plugins and themes are slug and version; the first theme is active."""

    name: str
    client: str
    host: str
    port: int
    title: str
    expect: str
    """A text on its front page."""
    kind: Literal["wordpress", "static"] = "wordpress"
    core: str = ""
    themes: tuple[tuple[str, str], ...] = ()
    plugins: tuple[tuple[str, str], ...] = ()
    inactive: tuple[str, ...] = ()
    """Slugs of plugins that are there but switched off."""
    words: tuple[str, ...] = ()
    """Paragraphs of the front page (HTML, shortcodes)."""
    posts: tuple[tuple[str, str], ...] = ()
    """Title and text."""
    database_over: Literal["socket", "tcp"] = "socket"
    database_password: str = "plain-enough"
    tags: tuple[str, ...] = ()
    subsites: tuple[tuple[str, str], ...] = ()
    """Path and title; with any, the site is a network, and this its main site."""
    network_active: tuple[str, ...] = ()
    """Slugs of plugins that are active in the whole network."""
    translations: tuple[tuple[str, str, str], ...] = ()
    """Oldest packs in `wp-content/languages`: `core`, `plugins` or `themes`, slug, language."""

    @property
    def database(self) -> str:
        """Name of the database, and of its user."""
        return self.name.replace("-", "_")


DEMO_HOSTS = tuple(HostSpec(name=f"web{number}", number=number) for number in (1, 2, 3))

DEMO_CLIENTS = (
    ClientSpec(
        id="acme", name="Acme Bakery", timezone="Europe/Berlin", language="en", email="office@acme.example"
    ),
    ClientSpec(
        id="globex",
        name="Globex Instruments",
        timezone="America/New_York",
        language="en",
        email="web@globex.example",
    ),
)

DEMO_SITES = (
    SiteSpec(
        name="acme-shop",
        client="acme",
        host="web1",
        port=8080,
        title="Acme Bakery",
        expect="Fresh bread every morning",
        core="6.5.5",
        themes=(("millstone", "1.4.0"), ("ferry-landing", "2.0.1")),
        plugins=(
            ("akismet", "5.3"),
            ("lantern-gallery", "2.3.0"),
            ("harbour-forms", "1.8.2"),
            ("orchard-seo", "3.0.4"),
            ("tidewater-hours", "1.1.0"),
            ("copper-crumbs", "0.9.7"),
        ),
        inactive=("tidewater-hours",),
        words=(
            "From rye sour dough that is older than our oven.",
            '[lantern_gallery images="loaf,oven,counter"]',
            "Order by six in the evening, collect from seven the next day.",
            "[harbour_form]",
        ),
        posts=(
            ("Rye week", "Seven loaves, seven mills. Come and taste."),
            ("New on the counter", "Poppy seed rolls, on Thursdays only."),
        ),
        tags=("shop", "ring-1"),
    ),
    SiteSpec(
        name="acme-blog",
        client="acme",
        host="web2",
        port=8080,
        title="Notes from the oven",
        expect="What we learnt while the dough rested",
        core="7.1.1",
        themes=(("millstone", "1.5.0"),),
        plugins=(("harbour-forms", "1.8.2"), ("copper-crumbs", "0.9.7")),
        words=("A baker's diary, once a week.", "[harbour_form]"),
        posts=(
            ("Why water matters", "Hard water makes a tighter crumb. We tried it for a month."),
            ("A letter from the mill", "This year's rye is dry and strong."),
            ("Sunday opening", "From eight to eleven, as long as there is bread."),
        ),
        database_over="tcp",
        database_password='it\'s $HOME "quoted" \\ and # marked',
        tags=("ring-0",),
    ),
    SiteSpec(
        name="globex-www",
        client="globex",
        host="web2",
        port=8081,
        title="Globex Instruments",
        expect="Instruments you can trust",
        core="7.1.2",
        themes=(("ferry-landing", "2.0.1"),),
        plugins=(("klaxon-notices", "1.0.2"), ("orchard-seo", "4.0.0")),
        words=(
            "Calibrated by people who use them.",
            "Gauges, scales and loggers for laboratories since 1962.",
        ),
        posts=(("Calibration days", "Bring your scale, leave with a certificate."),),
        tags=("ring-1",),
    ),
    SiteSpec(
        name="globex-docs",
        client="globex",
        host="web3",
        port=8080,
        title="Globex Manuals",
        expect="Manuals for every instrument",
        kind="static",
        tags=("manuals",),
    ),
)

NETWORK = SiteSpec(
    name="globex-network",
    client="globex",
    host="web3",
    port=8081,
    title="Globex Worldwide",
    expect="One network, four doors",
    core="6.5.5",
    themes=(("ferry-landing", "2.0.1"), ("millstone", "1.4.0")),
    plugins=(
        ("harbour-forms", "1.8.2"),
        ("copper-crumbs", "0.9.7"),
        ("tidewater-hours", "1.1.0"),
        ("lantern-gallery", "2.3.0"),
    ),
    inactive=("tidewater-hours", "lantern-gallery"),
    network_active=("harbour-forms",),
    subsites=(("berlin", "Globex Berlin"), ("lyon", "Globex Lyon"), ("osaka", "Globex Osaka")),
    translations=(("core", "default", "de_DE"), ("plugins", "harbour-forms", "de_DE")),
    tags=("network",),
)
"""A network of four sites on the demo's third host, for tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSpec:
    """A whole fleet. Fleets with different `root` and `network` live side by side on one machine."""

    root: Path = Path("/var/tmp/sitecrew-lab")
    network: str = "127.0.10"
    """The first three numbers of every address; host N is `<network>.N`, the services are `<network>.10`."""
    users: str = "crew"
    """How the hosts' unix users begin: `crew-web1`."""
    ssh_port: int = 2222
    database_port: int = 3390
    wporg_port: int = 8090
    mail_ports: tuple[int, int, int] = (2525, 2587, 2465)
    """Without encryption; STARTTLS with login; TLS with login."""
    hosts: tuple[HostSpec, ...] = DEMO_HOSTS
    clients: tuple[ClientSpec, ...] = DEMO_CLIENTS
    sites: tuple[SiteSpec, ...] = DEMO_SITES
    spare: tuple[SiteSpec, ...] = ()
    """Sites that are in no inventory and are made when somebody needs them: `Fleet.need`."""
    opcache: int = 0
    """Seconds for which PHP's OPcache may not look whether a file has changed; PHP's own default is 2."""

    @classmethod
    def numbered(cls, slot: int) -> FleetSpec:
        """The demo's fleet once more, on addresses, users and a folder of its own; `slot` from 0 to 99."""
        return cls(
            root=Path(f"/var/tmp/sitecrew-tests/fleet-{slot}"),
            network=f"127.0.{20 + slot}",
            users=f"crew-t{slot}",
            spare=(NETWORK,),
        )

    @property
    def services(self) -> str:
        """Address of the database, the mail server and the stand-in for wordpress.org."""
        return f"{self.network}.10"

    def address(self, host: str) -> str:
        """Address of a host."""
        return f"{self.network}.{self.host(host).number}"

    def user(self, host: str) -> str:
        """Unix user of a host."""
        return f"{self.users}-{self.host(host).name}"

    def home(self, host: str) -> Path:
        """Home of a host's user."""
        return self.root / host

    def host(self, name: str) -> HostSpec:
        """The host of that name."""
        return next(host for host in self.hosts if host.name == name)

    def site(self, name: str) -> SiteSpec:
        """The site of that name."""
        return next(site for site in (*self.sites, *self.spare) if site.name == name)

    def url(self, site: SiteSpec) -> str:
        """Where visitors find a site, without a slash at the end."""
        return f"http://{self.address(site.host)}:{site.port}"

    def path(self, site: SiteSpec) -> Path:
        """Document root of a site."""
        return self.home(site.host) / "www" / site.name
