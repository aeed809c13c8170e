"""Parsing of the output of apt and dnf. The samples below are real output."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner.errors import HostError
from runner.model import Action, Step
from runner.steps.packages import Packages, PackagesOptions, Sections, arguments, facts_script, parse_system

MARK = "m" * 32

UBUNTU = """
Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])
Inst libssl3:i386 [3.0.1] (3.0.2 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [i386])
Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian-Security:12/oldstable-security [amd64])
Conf base-files (12.4+deb12u15 Debian:12.15/oldstable [amd64])
"""
POLICY = """
base-files:
  Installed: 12.4+deb12u11
  Candidate: 12.4+deb12u15
  Version table:
     12.4+deb12u15 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
     12.4+deb12u14 500
        500 http://security.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 12.4+deb12u11 100
        100 /var/lib/dpkg/status
"""
INSTALLED = (
    "ii \tbase-files\tamd64\t12.4+deb12u11\nii \tlibssl3\ti386\t3.0.1\nrc \tgone\tall\t1\niF \thalf\tall\t2\n"
)


def said(**sections: str) -> Sections:
    lines = [f"{MARK} manager {sections.pop('manager', 'apt')}", f"{MARK} native amd64"]
    for name, text in sections.items():
        lines += [f"{MARK} begin {name}", text, f"{MARK} end {name} 0"]
    return Sections.of("\n".join(lines), MARK)


def test_candidate_above_a_security_fix_is_security() -> None:
    facts = parse_system(said(before=INSTALLED, update="", upgrade=UBUNTU, policy=POLICY, who="0"))
    found = {package.name: package for package in facts.packages}
    assert found["base-files"].security
    assert found["libssl3:i386"].security
    assert found["libssl3:i386"].offered == "3.0.2"
    assert found["linux-image-6.1.0-40-amd64"].installed == ""
    assert found["half"].unfinished
    assert "gone" not in found


def test_new_dependencies_are_not_passed_to_apt() -> None:
    facts = parse_system(said(before=INSTALLED, update="", upgrade=UBUNTU, policy=POLICY, who="0"))
    step = Step(id="system.packages", kind="system.packages", options=PackagesOptions(upgrade="all"))
    changes = Packages().propose_for_host(step, facts)
    assert {c.action for c in changes} == {Action.CHANGE}
    assert arguments("apt", changes) == ["base-files=12.4+deb12u15", "libssl3:i386=3.0.2"]


def test_dnf_keeps_epochs_and_ignores_obsoleting_packages() -> None:
    update = (
        "\nbash.x86_64   5.1.8-9.el9   baseos\nbind-libs.x86_64  32:9.16.23-18.el9  appstream\n"
        "Obsoleting Packages\ngrub2-tools.x86_64  1:2.06-77.el9  baseos\n"
    )
    installed = "ii\tbash\tx86_64\t0:5.1.8-6.el9\nii\tbind-libs\tx86_64\t32:9.16.23-11.el9\n"
    advisories = "RHSA-2024:1 Important/Sec. bind-libs-32:9.16.23-14.el9.x86_64"
    facts = parse_system(
        Sections.of(
            f"{MARK} manager dnf\n{MARK} native x86_64\n"
            f"{MARK} begin before\n{installed}{MARK} end before 0\n"
            f"{MARK} begin update\n{update}{MARK} end update 100\n"
            f"{MARK} begin advisories\n{advisories}\n{MARK} end advisories 0\n",
            MARK,
        )
    )
    assert facts.unasked == ""
    assert [(p.name, p.installed, p.offered, p.security) for p in facts.packages] == [
        ("bash", "5.1.8-6.el9", "5.1.8-9.el9", False),
        ("bind-libs", "32:9.16.23-11.el9", "32:9.16.23-18.el9", True),
    ]


def test_host_without_apt_and_dnf_is_refused() -> None:
    with pytest.raises(HostError, match="neither apt nor dnf"):
        parse_system(Sections.of(f"\n{MARK} manager none\n", MARK))


def test_lines_without_nonce_are_not_parsed() -> None:
    forged = Sections.of(f"x {MARK} begin who\n0\n{MARK} begin who\n1000\n{MARK} end who 0\n", MARK)
    assert forged.text("who") == "1000"


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_package_scripts_are_valid_shell(shell: str, tmp_path: Path) -> None:
    command = [shell, "ash", "-n"] if shell == "busybox" else [shell, "-n"]
    try:
        done = subprocess.run(command, input=facts_script(MARK), text=True, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"no {shell} here")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["-o=APT::x", "a b", "$(id)", ""])
def test_invalid_package_option_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid package name"):
        PackagesOptions(upgrade=(name,))
