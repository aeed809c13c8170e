"""sudo-rs as distributions ship it: a small root of Debian's packages, entered with chroot.

The newest release gives an askpass program a prompt of its own; the one of Debian 13 knows no askpass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import LabError, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LOGIN", "SUITES", "SudoRoot", "sudo_root"]

SUITES = ("trixie", "sid")
LOGIN = 4242
"""Uid and gid of the login."""
_PACKAGES = (
    *(
        "sudo-rs",
        "libc6",
        "libgcc-s1",
        "libpam0g",
        "libpam-modules",
        "libpam-modules-bin",
        "libaudit1",
        "libcap-ng0",
        "libcrypt1",
    ),
    *("libselinux1", "libpcre2-8-0"),
)
_ACCOUNTS = {
    "etc/passwd": f"root:x:0:0::/root:/bin/sh\ndeploy:x:{LOGIN}:{LOGIN}::/home/deploy:/bin/sh\n",
    "etc/group": f"root:x:0:\ndeploy:x:{LOGIN}:\n",
    "etc/pam.d/sudo": (
        "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so\n"
    ),
}


@dataclass(frozen=True, slots=True)
class SudoRoot:
    """A root with sudo-rs and a login called deploy, in a mount namespace of its own."""

    folder: Path

    @property
    def version(self) -> str:
        """As ``sudo --version`` says it."""
        return self.run("sudo --version").stdout.decode().strip()

    def sudoers(self, rules: str) -> None:
        """What the login may do."""
        write(self.folder / "etc/sudoers-rs", rules, mode=0o440)
        write(self.folder / "etc/sudoers", rules, mode=0o440)

    def password(self, word: str) -> None:
        """The login's password from now on."""
        hashed = subprocess.run(
            ["/usr/bin/openssl", "passwd", "-6", "-stdin"],
            input=word.encode(),
            check=True,
            capture_output=True,
        ).stdout
        shadow = f"root:*:19000:0:99999:7:::\ndeploy:{hashed.decode().strip()}:19000:0:99999:7:::\n"
        write(self.folder / "etc/shadow", shadow, mode=0o600)

    def run(self, text: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """Shell text as the login, without a terminal, stderr among stdout."""
        process = self.start(text, **environment)
        output, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess([], process.returncode, output)

    def start(self, text: str, **environment: str) -> subprocess.Popen[bytes]:
        """The same, left running. Its id is that of the login's shell."""
        script = 'mount --bind /proc "$1/proc" && mount --bind /dev "$1/dev" && shift && exec chroot "$@"'
        login = f"--userspec={LOGIN}:{LOGIN}"
        words = ["unshare", "-m", "/bin/sh", "-c", script, "sh", str(self.folder), login, str(self.folder)]
        return subprocess.Popen(
            [*words, "/bin/sh", "-c", text],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/home/deploy",
                "LOGNAME": "deploy",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def sudo_root(suite: str, folder: Path) -> Iterator[SudoRoot]:
    """A root with the suite's sudo-rs.

    Raises:
        LabError: not root, or the packages cannot be had.
    """
    if os.geteuid() != 0:
        raise LabError("a root with sudo-rs needs root")
    root = folder / "root"
    for name in (
        "proc",
        "dev",
        "tmp",
        "var/tmp",
        "root",
        "home/deploy",
        "usr/bin",
        "usr/lib",
        "usr/lib64",
        "usr/sbin",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    for package in _download(suite, folder / "packages"):
        run("dpkg", "-x", package, root)
    shutil.copy("/usr/bin/busybox", root / "usr/bin/busybox")
    run("chroot", root, "/usr/bin/busybox", "--install", "-s", "/usr/bin")
    sudo = root / "usr/bin/sudo"
    sudo.unlink(missing_ok=True)
    shutil.copy(root / "usr/lib/cargo/bin/sudo", sudo)
    sudo.chmod(0o4755)
    for place, text in _ACCOUNTS.items():
        write(root / place, text)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    shutil.chown(root / "home/deploy", LOGIN, LOGIN)
    yield SudoRoot(root)


def _download(suite: str, folder: Path) -> list[Path]:
    """The suite's packages, from where this machine gets its own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(
        f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_mirror()} {suite} main\n"
    )
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Dir::State::status": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    for command in (["update"], ["download", *_PACKAGES]):
        done = subprocess.run(
            ["/usr/bin/apt-get", "-q", *words, *command],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise LabError(f"the packages of {suite} cannot be had: {done.stderr[-300:]}")
    return sorted(folder.glob("*.deb"))


def _mirror() -> str:
    """The first address of Debian's packages in this machine's apt."""
    for file in sorted(Path("/etc/apt").glob("sources.list*")) + sorted(
        Path("/etc/apt/sources.list.d").glob("*")
    ):
        for line in file.read_text().splitlines() if file.is_file() else ():
            words = line.split()
            if words[:1] == ["URIs:"] and "debian" in words[1] and "security" not in words[1]:
                return words[1]
            if words[:1] == ["deb"] and "debian" in line and "security" not in line:
                return next(word for word in words[1:] if "://" in word)
    raise LabError("apt of this machine names no Debian mirror")
