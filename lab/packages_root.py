"""An apt and dpkg of a host's own: a root folder, a repository made on the spot, commands that know no other.

This machine's own packages are never touched.

Only with these commands first on the PATH may anything be patched: `guarded` says whether that is so.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.packages import ensure
from lab.shell import LabError, run, write

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["APT_PACKAGES", "AptRoot", "Package", "guarded", "stand_ins"]

NEEDED = ("apt-utils", "sudo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package and the version that a repository may offer for its 1.0."""

    name: str
    offered: str = "1.1"
    security: bool = False
    fields: str = ""
    """More lines of the control file of the offered version."""
    postinst: str = ""
    """Shell text that runs when the offered version is configured."""


APT_PACKAGES = (
    Package(name="labpkg"),
    Package(name="labsec", offered="1.0+deb12u1", security=True),
    Package(name="labheld"),
    Package(name="labbad", postinst="echo 'labbad: no such device'; exit 1"),
    Package(name="labkernel", postinst='touch "$DPKG_ROOT/var/run/reboot-required"'),
    Package(name="labpull", fields="Depends: labnew\n"),
    Package(name="labclash", fields="Conflicts: labold\n"),
    Package(name="labslow", postinst="sleep 30"),
    Package(name="labold", offered=""),
)


class AptRoot:
    """What `apt-get` and `dpkg` see on one host: `build` once, `reset` and `offer` as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.root = folder / "root"

    def build(self) -> None:
        """Makes the packages and the root in its first state: everything at 1.0, nothing offered."""
        ensure(NEEDED)
        shutil.rmtree(self.folder, ignore_errors=True)
        pristine = self.folder / "pristine"
        for name in _FOLDERS:
            (pristine / name).mkdir(parents=True)
        for name in ("status", "available"):
            (pristine / "var/lib/dpkg" / name).touch()
        for repository in ("main", "security"):
            (self.folder / "repository" / repository).mkdir(parents=True)
        sources = [
            f"deb [trusted=yes] file:{self.folder}/repository/{name} ./" for name in ("main", "security")
        ]
        write(pristine / "etc/apt/sources.list", "\n".join(sources) + "\n")
        write(self.folder / "apt.conf", _CONFIGURATION.replace("@", str(self.folder)))
        self._commands()
        for package in APT_PACKAGES:
            self._make(package.name, "1.0")
            if package.offered:
                self._make(package.name, package.offered, package.fields, package.postinst)
        self._make("labnew", "1.0")
        shutil.copytree(pristine, self.root)
        run(self.bin / "dpkg", "-i", *(self._deb(package.name, "1.0") for package in APT_PACKAGES))
        shutil.rmtree(pristine)
        self.root.rename(pristine)
        self.reset()

    def reset(self) -> None:
        """Puts the root back to its first state and takes every offer away."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.folder / "pristine", self.root, symlinks=True)
        for repository in ("main", "security"):
            for deb in (self.folder / "repository" / repository).glob("*.deb"):
                deb.unlink()
        self.offer()
        stand_ins(self.folder, self.bin)

    def offer(self, *names: str) -> None:
        """Publishes the newer versions of these packages, each where it belongs."""
        for package in APT_PACKAGES:
            if package.name in names:
                place = self.folder / "repository" / ("security" if package.security else "main")
                shutil.copy(self._deb(package.name, package.offered), place)
        if "labpull" in names:
            shutil.copy(self._deb("labnew", "1.0"), self.folder / "repository/main")
        self._publish("main", "Debian", "stable")
        self._publish("security", "Debian-Security", "stable-security")

    def hold(self, *names: str) -> None:
        """As `apt-mark hold`."""
        run(self.bin / "apt-mark", "hold", *names)

    def versions(self) -> dict[str, str]:
        """What is installed and configured, name and version; `!` behind a version that is not configured."""
        listed = run(self.bin / "dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\n")
        rows = [line.split() for line in listed.splitlines()]
        return {name: version + "!" * (state[1:2] != "i") for name, version, state in rows}

    def unpack(self, name: str) -> None:
        """Leaves the offered version unpacked and not configured, as a dpkg that was interrupted does."""
        package = next(one for one in APT_PACKAGES if one.name == name)
        run(self.bin / "dpkg", "--unpack", self._deb(name, package.offered))

    @property
    def lock(self) -> Path:
        """The file that whoever works with dpkg has locked."""
        return self.root / "var/lib/dpkg/lock-frontend"

    def _make(self, name: str, version: str, fields: str = "", postinst: str = "") -> None:
        place = self.folder / "made" / f"{name}_{version}"
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            f"Maintainer: Lab <lab@lab.example>\n{fields}Description: of the lab\n"
        )
        write(place / "DEBIAN/control", control)
        write(place / f"usr/share/{name}/version", version)
        if postinst:
            write(place / "DEBIAN/postinst", f"#!/bin/sh\n{postinst}\n", mode=0o755)
        run("dpkg-deb", "--root-owner-group", "-b", place, self._deb(name, version))
        shutil.rmtree(place)

    def _deb(self, name: str, version: str) -> Path:
        return self.folder / "made" / f"{name}_{version}_all.deb"

    def _publish(self, repository: str, label: str, suite: str) -> None:
        place = self.folder / "repository" / repository
        write(place / "Packages", run("apt-ftparchive", "packages", ".", cwd=place))
        about = {"Origin": "Debian", "Label": label, "Suite": suite, "Codename": suite}
        options = [
            word
            for key, value in about.items()
            for word in ("-o", f"APT::FTPArchive::Release::{key}={value}")
        ]
        write(place / "Release", run("apt-ftparchive", *options, "release", ".", cwd=place))

    def _commands(self) -> None:
        """Each knows its root by itself: no variable that somebody forgets leads to this machine's dpkg."""
        for name in ("apt-get", "apt-cache", "apt-mark", "apt-config"):
            command = f'APT_CONFIG={self.folder}/apt.conf exec /usr/bin/{name} "$@"'
            write(self.bin / name, f"#!/bin/sh\n{command}\n", mode=0o755)
        options = f"--root={self.root} --force-script-chrootless --log={self.root}/var/log/dpkg.log"
        write(self.bin / "dpkg", f'#!/bin/sh\nexec /usr/bin/dpkg {options} "$@"\n', mode=0o755)
        query = f'exec /usr/bin/dpkg-query --admindir={self.root}/var/lib/dpkg "$@"'
        write(self.bin / "dpkg-query", f"#!/bin/sh\n{query}\n", mode=0o755)
        for name in ("dnf", "yum", "rpm"):
            write(self.bin / name, "#!/bin/sh\nexit 1\n", mode=0o755)


def stand_ins(folder: Path, commands: Path) -> None:
    """`systemctl` and `needrestart` that answer from files in `folder`.

    Rebooting ends what the host's user runs and changes the boot id a second later; logging in works
    all the time. `services` lists what wants a restart, `broken` the services that do not start, `no-reboot`
    refuses to reboot, with `no-return` it is never over; `systemctl.log` is what was asked for.
    """
    for name in ("services", "broken", "systemctl.log"):
        write(folder / name, "")
    for name in ("no-reboot", "no-return"):
        (folder / name).unlink(missing_ok=True)
    write(folder / "boot_id", "11111111-0000-0000-0000-000000000000\n")
    for name, text in (("systemctl", _SYSTEMCTL), ("needrestart", _NEEDRESTART)):
        write(commands / name, text.replace("@", str(folder)), mode=0o755)


def guarded(said: Iterable[str], commands: Path) -> None:
    """Where `command -v` found these programs on the host.

    Raises:
        LabError: one of them is this machine's own: nothing may be patched there.
    """
    strangers = [path for path in said if Path(path).parent != commands]
    if strangers:
        raise LabError(f"this host would patch the machine itself, by {', '.join(strangers)}")


_FOLDERS = (
    *(f"var/lib/dpkg/{name}" for name in ("updates", "info", "triggers", "alternatives")),
    *(f"etc/apt/{name}" for name in ("apt.conf.d", "preferences.d", "sources.list.d", "trusted.gpg.d")),
    "var/lib/apt/lists/partial",
    "var/cache/apt/archives/partial",
    "var/log/apt",
    "var/run",
    "tmp",
)

_CONFIGURATION = """\
Dir "@/root/";
Dir::State::status "@/root/var/lib/dpkg/status";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Bin::methods "/usr/lib/apt/methods/";
DPkg::Options { "--root=@/root"; "--force-script-chrootless"; "--log=@/root/var/log/dpkg.log"; };
APT::Sandbox::User "";
Acquire::Languages "none";
"""

_SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>@/systemctl.log
case $1 in
  reboot)
    if [ -e @/no-reboot ]; then echo "Call to Reboot failed: Access denied" >&2; exit 1; fi
    setsid sh -c '
      sleep 0.2
      for one in /proc/[0-9]*; do
        [ "$(stat -c %U "$one" 2>/dev/null)" = "$1" ] && kill -KILL "${one#/proc/}"
      done
      sleep 1
      [ ! -e @/no-return ] || exit
      rm -f @/root/var/run/reboot-required
      cat /proc/sys/kernel/random/uuid >@/boot_id.new && mv @/boot_id.new @/boot_id
    ' sh "$(cat @/user)" </dev/null >/dev/null 2>&1 & ;;
  try-restart)
    if grep -qx "$2" @/broken; then echo "Job for $2 failed." >&2; exit 1; fi
    sed -i "/^$2\\$/d" @/services ;;
  is-system-running) echo running ;;
esac
"""

_NEEDRESTART = """\
#!/bin/sh
echo "NEEDRESTART-VER: 3.6"
echo "NEEDRESTART-KSTA: 1"
sed 's/^/NEEDRESTART-SVC: /' @/services
"""
