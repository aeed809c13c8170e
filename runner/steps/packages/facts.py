"""Parse the output of apt and dnf: the packages that can be upgraded, are held, or are half installed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from runner.errors import HostError
from runner.model import SystemFacts, SystemPackage
from runner.steps.packages.grammar import checked_package, is_package, is_version
from runner.steps.packages.shell import Sections
from runner.untrusted import sentence

__all__ = ["installed_versions", "parse_system", "unfinished"]

_INST = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ([^\[]*)\[(\w+)\]\)")
_SECURITY = re.compile(r"-security|/security|Debian-Security|ESM", re.IGNORECASE)
_UNFINISHED = re.compile(r".[UFHWt]|..R")
_NONE = "(none)"
_MOST_LINES = 100_000
_ARCHITECTURE = 32


def parse_system(sections: Sections) -> SystemFacts:
    """Parse the output of `facts_script`.

    Raises:
        HostError: the output has no facts; the message says why.
    """
    manager = sections.words.get("manager", "")
    if manager == "none":
        raise HostError("the host has neither apt nor dnf", hint="do not run system.packages on this host")
    if not manager or "before" not in sections.codes:
        raise HostError("the host did not list its packages", hint="see `sitecrew logs`")
    if any(text.count("\n") > _MOST_LINES for text in sections.texts.values()):
        raise HostError(f"the host lists more than {_MOST_LINES} packages", hint="check its package sources")
    native = sections.words.get("native", "")[:_ARCHITECTURE]
    packages = _apt(sections, native) if manager == "apt" else _dnf(sections, native)
    return SystemFacts(
        manager=manager,
        root=sections.text("who") == "0",
        boot=sentence(sections.text("boot"), 64),
        installed=frozenset(installed_versions(sections, "before")),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        unasked=_unasked(sections),
        reboot=tuple(sentence(line) for line in sections.lines("reboot")),
    )


def installed_versions(sections: Sections, section: str) -> Mapping[str, tuple[str, ...]]:
    """Return the installed and configured versions by package; a kernel has several."""
    return _versions(sections, section, re.compile(".i.?"))


def unfinished(sections: Sections, section: str) -> Mapping[str, tuple[str, ...]]:
    """Return the versions that are unpacked but not configured, by package."""
    return _versions(sections, section, _UNFINISHED)


def _versions(sections: Sections, section: str, state: re.Pattern[str]) -> Mapping[str, tuple[str, ...]]:
    native = sections.words.get("native", "")
    found: dict[str, list[str]] = defaultdict(list)
    for line in sections.lines(section):
        fields = line.split("\t")
        if len(fields) == 4 and state.match(fields[0]):  # noqa: PLR2004  # state, name, architecture, version
            name = _name(fields[1], fields[2], native, sections.words.get("manager", ""))
            version = fields[3].removeprefix("0:")
            if is_package(name) and is_version(version):
                found[name].append(version)
    return {name: tuple(versions) for name, versions in found.items()}


def _name(name: str, architecture: str, native: str, manager: str) -> str:
    if architecture in {native, "all", "noarch"}:
        return name
    return f"{name}:{architecture}" if manager == "apt" else f"{name}.{architecture}"


def _unasked(sections: Sections) -> str:
    """Return why the package sources could not be read; empty if they were."""
    if "locked" in sections.words:
        who = sentence(sections.words["locked"], 80)
        return f"another package manager is running on the host: process {who}"
    if sections.codes.get("update", -1) in ({0} if sections.words.get("manager") == "apt" else {0, 100}):
        return ""
    errors = [line for line in sections.lines("update") if re.match(r"E:|Error|Err:", line)]
    return (
        sentence(" ".join(errors[-2:]) or sections.text("update")[-300:], 240)
        or "the package sources did not answer"
    )


def _apt(sections: Sections, native: str) -> list[SystemPackage]:
    """Return the packages that `upgrade` would change, and those it keeps back with the reason."""
    present = installed_versions(sections, "before")
    table = _apt_policy(sections.text("policy"))
    broken = unfinished(sections, "before")
    held = _versions(sections, "before", re.compile("h"))
    packages = {}
    for name, old, new, origin in _inst(sections.text("upgrade"), native):
        if name not in broken:
            security = bool(_SECURITY.search(origin)) or table.get(name, ("", False))[1]
            packages[name] = SystemPackage(
                name=name, installed=old, offered=new, security=security, origin=sentence(origin)
            )
    for name, versions in broken.items():
        packages[name] = SystemPackage(name=name, installed=versions[0], offered=versions[0], unfinished=True)
    full = {name: new for name, _, new, _ in _inst(sections.text("full"), native)}
    removed = re.findall(r"^Remv (\S+)", sections.text("full"), re.MULTILINE)
    for name, (candidate, security) in table.items():
        installed = present.get(name, ("",))[0]
        if name in packages or not installed or candidate in {installed, _NONE}:
            continue
        if name in held:
            kept = "held on the host by apt-mark"
        elif name in full and removed:
            kept = f"the upgrade would remove {sentence(', '.join(removed), 120)}"
        else:
            kept = "kept back by apt"
        packages[name] = SystemPackage(
            name=name, installed=installed, offered=candidate, security=security, kept=kept
        )
    return list(packages.values())


def _inst(text: str, native: str) -> list[tuple[str, str, str, str]]:
    """Return name, installed version or empty, new version and origins of each package."""
    found = []
    for line in text.splitlines():
        if match := _INST.match(line):
            name, old, new, origin, architecture = match.groups()
            name = _name(name.partition(":")[0], architecture, native, "apt")
            checked_package(name, old or "", new)
            found.append((name, old or "", new, origin.rstrip()))
    return found


def _apt_policy(text: str) -> Mapping[str, tuple[str, bool]]:
    """Return the candidate by package, and whether any version after the installed one is a security fix."""
    found: dict[str, tuple[str, bool]] = {}
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        name = block.partition("\n")[0].rstrip(":")
        candidate = re.search(r"^  Candidate: (\S+)", block, re.MULTILINE)
        if not candidate:
            continue
        if candidate[1] != _NONE:
            checked_package(name, candidate[1])
        newer = re.split(r"^ \*\*\* ", block.partition("Version table:")[2], flags=re.MULTILINE)[0]
        found[name] = candidate[1], bool(_SECURITY.search(newer))
    return found


def _dnf(sections: Sections, native: str) -> list[SystemPackage]:
    """Return the packages in `check-update`, and those hidden from it by versionlock or excludes."""
    present = installed_versions(sections, "before")
    fixed = {_nevra_name(line.split()[-1], native) for line in sections.lines("advisories")}
    offered = _dnf_offers(sections.text("update"), native)
    everything = _dnf_offers(sections.text("all"), native)
    packages = []
    for name, (version, repository) in {**everything, **offered}.items():
        packages.append(
            SystemPackage(
                name=name,
                installed=present.get(name, ("",))[-1],
                offered=version,
                security=name in fixed,
                origin=sentence(repository),
                kept="" if name in offered else "held on the host by versionlock or exclude",
            )
        )
    return packages


def _dnf_offers(text: str, native: str) -> Mapping[str, tuple[str, str]]:
    """Return version (without epoch 0) and repository by package, without obsoleting packages."""
    found = {}
    for line in text.partition("Obsoleting Packages")[0].splitlines():
        fields = line.split()
        if len(fields) == 3 and "." in fields[0] and is_package(fields[0]):  # noqa: PLR2004  # package, version, source
            (name, _, architecture), version, repository = fields[0].rpartition("."), *fields[1:]
            name, version = _name(name, architecture, native, "dnf"), version.removeprefix("0:")
            checked_package(name, version)
            found[name] = (version, repository)
    return found


def _nevra_name(nevra: str, native: str) -> str:
    rest, _, architecture = nevra.rpartition(".")
    return _name(rest.rsplit("-", 2)[0], architecture, native, "dnf")
