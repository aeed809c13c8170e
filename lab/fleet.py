"""The fleet: the one door to everything in the lab."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab import downloads, ground, hosts, packages, ports, workspace
from lab.catalogue import Catalogue
from lab.database import Database
from lab.mailbox import Mailbox
from lab.processes import Processes
from lab.shell import LabError, run, side_by_side, usual_umask, write
from lab.sites import Sites
from lab.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.downloads import Downloads
    from lab.hosts import Host
    from lab.spec import FleetSpec, SiteSpec

__all__ = ["Fleet", "Site", "Status"]

HERE = Path(__file__).parent
KEPT_AT_HOME = {"www", "logs", ".ssh", ".wp-cli"}


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the tests and the inventory see it."""

    name: str
    client: str
    host: str
    kind: str
    url: str
    path: Path
    expect: str
    """A text on its front page."""
    database: str
    """Empty for a static site."""


@dataclass(frozen=True, slots=True)
class Status:
    """A line of `status`: a part, whether it runs, and where."""

    part: str
    running: bool
    where: str


class Fleet:
    """Real hosts, sites, a mail server and a stand-in for wordpress.org, all below one folder.

    Nothing happens before `up`. Everything may be called again at any time, also after something was killed.
    """

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        root = spec.root
        self.processes = Processes(root / "run", root / "log")
        self.database = Database(root / "database", spec.services, spec.database_port, self.processes)
        self.catalogue = Catalogue(root / "catalogue", root / "first/catalogue", root / "log/wporg.jsonl")
        self.mailbox = Mailbox(root / "mail", spec.services, spec.mail_ports, self.processes)
        self.web = Web(spec, self.processes)
        self._builder = Sites(spec, self.database, self.catalogue)

    @property
    def identity_file(self) -> Path:
        """The private key that logs in to every host."""
        return ground.identity_file(self.spec)

    @property
    def known_hosts(self) -> Path:
        """A known_hosts file with every host of the fleet."""
        return ground.known_hosts(self.spec)

    @property
    def sent_by_sites(self) -> Path:
        """Folder of the mails that PHP on the hosts wanted to send, `<user>.<nanoseconds>.<pid>.eml`."""
        return ground.sent_by_sites(self.spec)

    @property
    def hosts(self) -> Mapping[str, Host]:
        """The hosts by name.

        Raises:
            LabError: The fleet has never been up, so they have no keys.
        """
        return {host.name: ground.host(self.spec, host.name) for host in self.spec.hosts}

    @property
    def sites(self) -> Mapping[str, Site]:
        """The sites by name."""
        return {site.name: self._site(site) for site in self.spec.sites}

    def need(self, name: str) -> Site:
        """A spare site of the fleet that is up, made on first use and in its first state now."""
        site = self.spec.site(name)
        with self._alone():
            if not self._builder.make(site, downloads.ensure()):
                self._builder.reset(site)
        return self._site(site)

    def known_hosts_lines(self) -> list[str]:
        """A line for each host."""
        return [host.known_hosts_line() for host in self.hosts.values()]

    def up(self, note: Callable[[str], object] = bool) -> list[str]:
        """Brings up what is not up. Returns the names of what was started or made now.

        Args:
            note: Called with what is done next.

        Raises:
            LabError: A port is taken, or something could not be installed, fetched or started.
        """
        need_root()
        with self._alone():
            ports.check(self.spec, self.processes)
            note(ground.preparing())
            fetched: list[Downloads] = []
            side_by_side(self._install_packages, lambda: fetched.append(downloads.ensure()))
            note("start MariaDB, PHP, nginx, SSH servers and a mail server")
            ground.lay_out(self.spec, fetched[0])
            done: list[str] = []
            self._each(done, self._parts(fetched[0]))
            note("install the sites")
            self._each(done, {site.name: self._making(site, fetched[0]) for site in self.spec.sites})
            return done

    def down(self) -> list[str]:
        """Stops what was started, also on the hosts, and leaves all files. Returns what was stopped."""
        need_root()
        with self._alone():
            done: list[str] = []
            names = self.processes.names()
            self._each(done, {name: partial(self.processes.stop, name) for name in names})
            for user in self._users():
                hosts.end_jobs(user)
            return done

    def wipe(self) -> None:
        """Stops everything and takes away the files and unix users of this fleet; the cache stays.

        Raises:
            LabError: The folder holds something else than a fleet.
        """
        root = self.spec.root
        if root.exists() and not (root / "ssh").is_dir():
            raise LabError(f"{root} is no fleet: it is left alone")
        self.down()
        with self._alone():
            for user in self._users():
                hosts.remove_user(user)
            shutil.rmtree(root, ignore_errors=True)

    @property
    def installed_packages(self) -> list[str]:
        """Debian packages that were missing on this machine, and that `up` has installed."""
        path = self.spec.root / "installed-packages"
        return path.read_text().split() if path.exists() else []

    def reset(self, *names: str) -> None:
        """Puts sites back to their first state: files and database.

        Args:
            names: The sites. Without any: all sites, the hosts' homes, and what wordpress.org offers.
        """
        sites = [self.spec.site(name) for name in names] or list(self.spec.sites)
        works: list[Callable[[], object]] = [partial(self._builder.reset, site) for site in sites]
        if not names:
            works += [partial(self.clear_host, host.name) for host in self.spec.hosts]
            works.append(self.catalogue.reset)
        with usual_umask():
            side_by_side(*works)

    def clear_host(self, name: str) -> None:
        """Ends a host's jobs and takes away what they left in its home, the sites excepted."""
        hosts.end_jobs(self.spec.user(name))
        for path in self.spec.home(name).iterdir():
            if path.name in KEPT_AT_HOME:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def start_host(self, name: str) -> bool:
        """Starts a host's sshd. Returns whether it was started now."""
        spec = self.spec
        user = spec.user(name)
        return hosts.start_sshd(
            self.processes,
            f"sshd-{name}",
            address=spec.address(name),
            port=spec.ssh_port,
            user=user,
            key=spec.root / f"ssh/{name}",
            environment={
                "PATH": f"{spec.root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
                "PHP_INI_SCAN_DIR": f":{spec.root / 'etc/php'}",
            },
            more=spec.host(name).sshd,
        )

    def stop_host(self, name: str) -> bool:
        """Ends a host's sshd and all connections to it; detached jobs and the web server go on."""
        return self.processes.stop(f"sshd-{name}")

    def jobs(self, host: str) -> list[int]:
        """Ids of the processes of a host's user, its web server aside."""
        return hosts.jobs(self.spec.user(host))

    def wp(self, site: str, *arguments: str, stdin: str = "") -> str:
        """Runs wp-cli on a site as its host's user. Returns stdout.

        Raises:
            LabError: wp-cli failed; its stderr is in the message.
        """
        return self._builder.wp(self.spec.site(site), *arguments, stdin=stdin)

    def sql(self, site: str, text: str) -> str:
        """Runs SQL on a site's database as root. Returns rows of tab-separated values."""
        return self.database.sql(text, self.spec.site(site).database)

    def install(self, site: str, kind: str, slug: str, version: str) -> None:
        """Puts a published version into a site (`plugins` or `themes`), in place of another, as its user."""
        spec = self.spec.site(site)
        place = self.spec.path(spec) / "wp-content" / kind
        user = self.spec.user(spec.host)
        shutil.rmtree(place / slug, ignore_errors=True)
        with usual_umask():
            self.catalogue.unpack(kind, slug, version, place)
        run("chown", "-R", f"{user}:{user}", place / slug)

    def write_workspace(self, folder: Path, *, known_hosts: bool = True) -> Path:
        """Writes inventory.yaml, sitecrew.yaml, playbooks/weekly.yaml and known_hosts for this fleet.

        Args:
            folder: Where to; made if need be.
            known_hosts: Whether the hosts' keys are known; else the file is empty.
        """
        return workspace.write_workspace(
            folder,
            self.spec,
            self.hosts,
            identity_file=self.identity_file,
            mail=(self.mailbox.address, self.mailbox.ports["none"]),
            known_hosts=self.known_hosts_lines() if known_hosts else (),
        )

    def status(self) -> list[Status]:
        """What runs and where."""
        spec = self.spec
        where = {
            "mariadb": f"{spec.services}:{spec.database_port}, {self.database.socket}",
            "wporg": f"http://{spec.services}:{spec.wporg_port}",
            "mailbox": ", ".join(f"{spec.services}:{port}" for port in self.mailbox.ports.values()),
            "php-fpm": f"{len(spec.hosts)} pools",
            "nginx": ", ".join(site.url for site in self.sites.values()),
        }
        for host in spec.hosts:
            where[f"sshd-{host.name}"] = f"{spec.user(host.name)}@{spec.address(host.name)}:{spec.ssh_port}"
        found = {name: self.processes.find(name) for name in where}
        return [Status(name, one is not None and one.runs(), where[name]) for name, one in found.items()]

    def _install_packages(self) -> None:
        """Notes what is installed before it is, so that an interruption forgets nothing."""
        if missing := packages.missing():
            names = sorted({*self.installed_packages, *missing})
            write(self.spec.root / "installed-packages", "".join(f"{name}\n" for name in names))
            packages.ensure()

    def _parts(self, fetched: Downloads) -> dict[str, Callable[[], bool]]:
        parts: dict[str, Callable[[], bool]] = {
            "mariadb": self.database.start,
            "wporg": partial(self._start_wporg, fetched),
            "mailbox": self.mailbox.start,
            "php-fpm": self.web.start_php,
            "nginx": self.web.start_nginx,
        }
        return parts | {f"sshd-{host.name}": partial(self.start_host, host.name) for host in self.spec.hosts}

    def _making(self, site: SiteSpec, fetched: Downloads) -> Callable[[], bool]:
        return partial(self._builder.make, site, fetched)

    def _each(self, done: list[str], works: Mapping[str, Callable[[], bool]]) -> None:
        """Does named things at once, and adds the names of those that were not done already."""

        def one(name: str, work: Callable[[], bool]) -> None:
            if work():
                done.append(name)

        side_by_side(*(partial(one, name, work) for name, work in works.items()))

    def _start_wporg(self, fetched: Downloads) -> bool:
        self.catalogue.build(fetched)
        spec = self.spec
        address = (spec.services, spec.wporg_port)
        return self.processes.start(
            "wporg",
            [
                sys.executable,
                "-m",
                "lab.wporg",
                str(self.catalogue.folder),
                *map(str, address),
                str(self.catalogue.log),
            ],
            env={"PYTHONPATH": str(HERE.parent)},
            ready=lambda: hosts.answers(*address),
        )

    def _users(self) -> Iterator[str]:
        """Those of the hosts' users that exist and are this fleet's."""
        for host in self.spec.hosts:
            try:
                known = pwd.getpwnam(self.spec.user(host.name))
            except KeyError:
                continue
            if Path(known.pw_dir) == self.spec.home(host.name):
                yield known.pw_name

    def _site(self, site: SiteSpec) -> Site:
        database = site.database if site.kind == "wordpress" else ""
        url, path = self.spec.url(site), self.spec.path(site)
        return Site(site.name, site.client, site.host, site.kind, url, path, site.expect, database)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One `up` or `down` of a fleet at a time; the lock ends with the process, however that ends."""
        root = self.spec.root
        root.parent.mkdir(parents=True, exist_ok=True)
        with usual_umask(), root.with_name(f"{root.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def need_root() -> None:
    """The lab makes unix users and starts servers in their name."""
    if os.geteuid() != 0:
        raise LabError("the lab makes unix users and starts web servers, so it runs as root: sudo -E ...")
