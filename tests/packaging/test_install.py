"""Promise: the install lines of the README work, for a fresh user of each system that it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.packaging.wheel import ROOT, checkout, outside

pytestmark = pytest.mark.long

INSTALL = re.search(r"^## Install\n(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
assert INSTALL
PIPX, UV, VENV = re.findall(r"```sh\n(.*?)```", INSTALL[1], re.DOTALL)
TRY = """\
sitecrew --version
sitecrew init crew
cd crew
sitecrew validate
sitecrew docs quick-start | grep -q 'whole inventory'
sitecrew docs --man | head -1
"""
SUITES = {
    "bookworm": "Debian 12",
    "trixie": "Debian 13",
    "noble": "Ubuntu 24.04",
}
PASSED = {"PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}
"""Variables that say how this machine reaches its package index."""
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def run_lines(lines: str, folder: Path, env: dict[str, str]) -> str:
    """Run shell lines, each of which must succeed; return what they printed."""
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", lines], cwd=folder, env=env, check=False, timeout=900,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with `pipx` and `uv`, as their users have them."""
    folder = tmp_path_factory.mktemp("tools")
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", "pipx", "uv"], check=True, env=outside())
    return folder / "bin"


@pytest.mark.parametrize(("tool", "block"), [("pipx", PIPX), ("uv", UV)], ids=["pipx", "uv"])
def test_readme_installs_with_a_tool(tool: str, block: str, tools: Path, tmp_path: Path) -> None:
    source = checkout(tmp_path / "source")
    home = tmp_path / "home"
    home.mkdir()
    env = {**outside(), "HOME": str(home), "PATH": f"{home}/.local/bin:{tools}:/usr/bin:/bin"}
    env |= {
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    lines = "\n".join(line for line in block.splitlines() if not line.startswith("sudo "))
    run_lines(lines, source, env)
    assert "sitecrew, version" in run_lines(TRY, home, env)
    if tool == "pipx":
        assert (home / ".local/share/man/man1/sitecrew.1").exists()


@pytest.mark.parametrize("suite", SUITES)
def test_readme_installs_for_a_fresh_user(suite: str, tmp_path: Path) -> None:
    root = bootstrap(suite, tmp_path / "root")
    checkout(root / "home/newcomer/sitecrew")
    in_chroot(root, "chown -R newcomer: /home/newcomer", user="root")
    refused = in_chroot(root, "cd sitecrew; ! pip install . 2>&1")
    assert "externally-managed-environment" in refused
    said = in_chroot(root, f"cd sitecrew; {PIPX}\ncd; export PATH=$HOME/.local/bin:$PATH\n{TRY}")
    assert "sitecrew, version" in said
    said = in_chroot(
        root, f"cd sitecrew; {VENV}\ncd; export PATH=$HOME/.local/share/sitecrew/bin:$PATH\nrm -r crew\n{TRY}"
    )
    assert "sitecrew, version" in said
    shutil.rmtree(root)  # hundreds of MB, which pytest would keep


def bootstrap(suite: str, root: Path) -> Path:
    """A minimal system of the suite with a fresh user, from the archive that this machine's apt uses."""
    if os.getuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    if not Path(f"/usr/share/debootstrap/scripts/{suite}").exists():
        pytest.skip(f"debootstrap does not know {suite}")
    archive = apt_archive(SUITES[suite].partition(" ")[0])
    include = "--include=ca-certificates,sudo,python3-pip"
    subprocess.run(["debootstrap", "--variant=minbase", include, suite, root, archive], check=True)
    (root / "etc/apt/apt.conf.d/90test").write_text('APT::Get::Assume-Yes "true";\n')
    (root / "etc/sudoers.d/newcomer").write_text("newcomer ALL=(ALL) NOPASSWD: ALL\n")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copy("/etc/hosts", root / "etc/hosts")
    if Path(CERTIFICATES).exists():
        shutil.copy(CERTIFICATES, root / CERTIFICATES.lstrip("/"))
    in_chroot(root, "useradd --create-home --shell /bin/bash newcomer && apt-get update -qq", user="root")
    return root


def apt_archive(origin: str) -> str:
    """The address of the archive of Debian or Ubuntu in the configuration of apt."""
    filters = ["Created-By: Packages", f"Origin: {origin}", "Component: main"]
    command = ["apt-get", "indextargets", "--format", "$(SITE)", *filters]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if not found:
        pytest.skip(f"apt of this machine has no archive of {origin}")
    return found[0]


def in_chroot(root: Path, lines: str, *, user: str = "newcomer") -> str:
    """Run shell lines in the system, with mounts that end with them."""
    (root / "lines").write_text(lines)
    (root / "lines").chmod(0o755)
    home = "/root" if user == "root" else f"/home/{user}"
    env = {name: value for name, value in os.environ.items() if name in PASSED}
    env |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "USER": user, "LC_ALL": "C.UTF-8"}
    env |= {"DEBIAN_FRONTEND": "noninteractive", "PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
    inside = f"cd {home} && exec bash -euxo pipefail /lines"
    script = (
        f"mount -t proc proc '{root}/proc' && mount --rbind /dev '{root}/dev' && "
        f"exec chroot --userspec={user}:{user} '{root}' /bin/bash -c '{inside}'"
    )
    command = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(
        command, env=env, check=False, timeout=1200, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
