"""A dnf and rpm of a host's own, as `lab.packages_root` is for apt."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.packages import ensure
from lab.packages_root import stand_ins
from lab.shell import run, write

__all__ = ["DNF_PACKAGES", "DnfRoot", "Rpm"]

NEEDED = ("createrepo-c", "dnf", "dnf-plugins-core", "rpm", "sudo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpm:
    """A package and the release that a repository may offer for its 1.0-1."""

    name: str
    offered: str = "1.1-1"
    advisory: str = ""
    """Id of the security advisory that the offered version comes with."""
    fields: str = ""
    scriptlet: str = ""
    """Section of the offered version's spec, in Lua: there is no shell inside the root."""


DNF_PACKAGES = (
    Rpm(name="labpkg"),
    Rpm(name="labsec", offered="1.0-2", advisory="LABSA-2026:0001"),
    Rpm(name="labheld"),
    Rpm(name="labbad", scriptlet='%pre -p <lua>\nerror("labbad: no such device")\n'),
    Rpm(name="labpost", scriptlet='%post -p <lua>\nerror("labpost: cannot restart")\n'),
    Rpm(name="kernel"),
)


class DnfRoot:
    """What `dnf` and `rpm` see on one host. `build` once, then `reset` and `offer` as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.root = folder / "root"

    def build(self) -> None:
        """Makes the packages and the root in its first state: everything at 1.0-1, nothing offered."""
        ensure(NEEDED)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "repository").mkdir(parents=True)
        self.root.mkdir()
        write(self.folder / "dnf.conf", _CONFIGURATION.replace("@", str(self.folder)))
        write(self.folder / "plugins/versionlock.conf", _LOCKS.replace("@", str(self.folder)))
        self._commands()
        for package in DNF_PACKAGES:
            self._make(package, "1.0-1")
            self._make(package, package.offered)
        self._publish(())
        run(self.bin / "rpm", "-i", *(self._rpm(package.name, "1.0-1") for package in DNF_PACKAGES))
        shutil.rmtree(self.folder / "made/rpmbuild")
        self.root.rename(self.folder / "pristine")
        self.reset()

    def reset(self) -> None:
        """Puts the root back to its first state and takes every offer away."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.folder / "pristine", self.root, symlinks=True)
        write(self.folder / "versionlock.list", "")
        self.offer()
        stand_ins(self.folder, self.bin)

    def offer(self, *names: str) -> None:
        """Publishes the newer versions of these packages, with their advisories."""
        self._publish([package for package in DNF_PACKAGES if package.name in names])

    def hold(self, *names: str) -> None:
        """As `dnf versionlock add`."""
        for name in names:
            with (self.folder / "versionlock.list").open("a") as file:
                file.write(f"{name}-0:1.0-1.*\n")

    def versions(self) -> dict[str, str]:
        """What is installed, name and version with release."""
        listed = run(self.bin / "rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n")
        return dict(line.split() for line in listed.splitlines())

    @property
    def lock(self) -> Path:
        """The file that whoever works with rpm has locked."""
        return Path(run(self.bin / "rpm", "--eval", "%_dbpath")) / ".rpm.lock"

    def _make(self, package: Rpm, version: str) -> None:
        number, _, release = version.partition("-")
        more = version != "1.0-1"
        spec = _SPEC.format(
            name=package.name,
            version=number,
            release=release,
            fields=package.fields if more else "",
            scriptlet=package.scriptlet if more else "",
        )
        place = self.folder / "made"
        write(place / f"{package.name}.spec", spec)
        top = place / "rpmbuild"
        run("rpmbuild", "-bb", "--define", f"_topdir {top}", "--define", "_binary_payload w0.gzdio",
            place / f"{package.name}.spec")  # fmt: skip
        shutil.copy(top / f"RPMS/noarch/{package.name}-{version}.noarch.rpm", place)

    def _rpm(self, name: str, version: str) -> Path:
        return self.folder / "made" / f"{name}-{version}.noarch.rpm"

    def _publish(self, packages: list[Rpm] | tuple[Rpm, ...]) -> None:
        place = self.folder / "repository"
        shutil.rmtree(place)
        place.mkdir()
        for package in packages:
            shutil.copy(self._rpm(package.name, package.offered), place)
        run("createrepo_c", "-q", place)
        advisories = [_advisory(package) for package in packages if package.advisory]
        if advisories:
            write(self.folder / "updateinfo.xml", f"<updates>{''.join(advisories)}</updates>")
            run("modifyrepo_c", "--mdtype=updateinfo", self.folder / "updateinfo.xml", place / "repodata")

    def _commands(self) -> None:
        options = (
            f"--installroot={self.root} -c {self.folder}/dnf.conf --setopt=reposdir=/nonexistent "
            f"--setopt=pluginconfpath={self.folder}/plugins --releasever=1"
        )
        write(self.bin / "dnf", _DNF.format(folder=self.folder, options=options), mode=0o755)
        asked = f'[ "$1" != --eval ] || exec printf "%s%s" {self.root} "$(/usr/bin/rpm "$@")"'
        command = f'exec /usr/bin/rpm --root={self.root} "$@"'
        write(self.bin / "rpm", f"#!/bin/sh\n{asked}\n{command}\n", mode=0o755)
        for name in ("apt-get", "apt-cache", "apt-mark", "apt-config", "dpkg", "dpkg-query"):
            write(self.bin / name, "#!/bin/sh\nexit 1\n", mode=0o755)


def _advisory(package: Rpm) -> str:
    version, _, release = package.offered.partition("-")
    return (
        '<update from="lab@lab.example" status="final" type="security" version="1">'
        f"<id>{package.advisory}</id><title>{package.name}</title><severity>Important</severity><pkglist><collection><name>lab</name>"
        f'<package name="{package.name}" version="{version}" release="{release}" epoch="0" arch="noarch">'
        f"<filename>{package.name}-{package.offered}.noarch.rpm</filename></package>"
        "</collection></pkglist></update>"
    )


_CONFIGURATION = """\
[main]
gpgcheck=0
cachedir=@/root/var/cache/dnf
persistdir=@/root/var/lib/dnf
logdir=@/root/var/log
metadata_expire=0
plugins=1
[lab]
name=lab
baseurl=file://@/repository
"""

# The machine does not start anew, so what wants a reboot would want it for ever.
_DNF = """\
#!/bin/sh
case "$*" in
  *"needs-restarting -r"*) grep -q ^11111111 {folder}/boot_id || exit 0 ;;
  *"needs-restarting -s"*) cat {folder}/services; exit 0 ;;
esac
exec /usr/bin/dnf {options} "$@"
"""

_LOCKS = "[main]\nenabled=1\nlocklist=@/versionlock.list\n"

_SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: of the lab
License: none
BuildArch: noarch
{fields}
%description
of the lab
{scriptlet}
%files
"""
