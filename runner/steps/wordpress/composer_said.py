"""Query Composer for newer versions and for reasons why it cannot update. Nothing is changed.

Composer's plugins and the project's scripts are not run. Its output is untrusted and read with limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from runner.model import Host, Package, SiteFacts
from runner.shell import assign, word, words
from runner.steps.base import Script
from runner.steps.wordpress import forms
from runner.steps.wordpress.shell import host_script, shell_source
from runner.untrusted import clean, sentence

__all__ = [
    "ComposerSaid",
    "composer_reason",
    "composer_script",
    "parse_composer",
    "with_said",
    "without_keys",
]

_CORE = """say versions
{{ compose show --all --format=json --no-plugins {name} 2>/dev/null; say "ended $?"; }} | head -c 2000000
"""
_UPGRADE = re.compile(r" {2}- Upgrading ([a-z0-9_./-]{3,300}) \(([^ ()]{1,80}) => ([^ ()]{1,80})\)")
_VERSION = re.compile(r"Composer (?:version )?([0-9]{1,3})\.([0-9]{1,3})")
_URL = re.compile(r"(https?://)(?:[^\s/@]{1,300}@)?([^\s?#\"')]{1,500})[^\s\"')]{0,500}")
_BOX = re.compile(r"In [A-Za-z]{1,60}\.php line [0-9]{1,6}:")
_STALE = "could not be fully loaded"
"""Printed when a repository does not answer and Composer uses its cache, which may be out of date."""
_MOST = 500
_NEEDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposerSaid:
    """Composer's answers; versions by package name."""

    hold: str = ""
    """Why Composer cannot update anything now."""
    problem: str = ""
    """Why newer versions are unknown."""
    commit: str = ""
    """Why composer.json and composer.lock cannot be committed."""
    allowed: dict[str, str] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)
    versions: tuple[str, ...] = ()


def composer_script(facts: SiteFacts, host: Host, mark: str) -> Script:
    """Build the script that queries Composer in the project's folder."""
    core = next((package.name for package in facts.packages if package.part == "core"), "")
    head = assign({"mark": mark, "project": facts.project})
    versions = _CORE.format(name=word(core)) if core else ""
    asked = shell_source("composer") + shell_source("composer_facts")
    commit = f'say commit\n{shell_source("commit_problem")}say "ended 0"\n'
    return Script(text=host_script(host, f"{head}{asked}{versions}{commit}"))


def parse_composer(text: str, mark: str, project: str) -> ComposerSaid:
    """Parse the output of `composer_script`."""
    parts = dict(_parts(text, mark))
    enter = words("cd", project)
    for name, why in (
        ("no-access", f"this login cannot enter {project}"),
        ("no-php", "no command-line PHP found on the host"),
        ("no-composer", "Composer not found on the host; to install it there: apt install composer"),
    ):
        if name in parts:
            return ComposerSaid(hold=sentence(why))
    version = _VERSION.search(parts.get("version", ("", 1))[0])
    if version is None:
        reason = composer_reason(parts.get("version", ("", 1))[0])
        return ComposerSaid(hold=f"Composer does not start on the host: {reason or 'it printed nothing'}")
    if int(version[1]) < _NEEDED:
        found = f"{version[1]}.{version[2]}"
        return ComposerSaid(
            hold=f"the host has Composer {found}, 2.0 is required; to update: composer self-update --2"
        )
    checked, _ = parts.get("validate", ("", 0))
    if "lock file is not up to date" in checked:
        why = f"composer.lock is older than composer.json; to fix it: {enter} && composer update --lock"
        return ComposerSaid(hold=sentence(why))
    commit = sentence(parts.get("commit", ("", 0))[0])
    allowed, code = parts.get("allowed", ("", 1))
    latest, ended = parts.get("latest", ("", 1))
    stale = next((line for line in allowed.splitlines()[:5_000] if _STALE in line), "")
    if code or ended or stale:
        reason = _plain(stale) or composer_reason(allowed if code else latest) or "it printed no reason"
        return ComposerSaid(problem=f"Composer could not list newer versions: {reason}", commit=commit)
    return ComposerSaid(
        commit=commit,
        allowed=dict(_upgrades(allowed)),
        latest=dict(_outdated(latest)),
        versions=_versions(parts.get("versions", ("", 1))[0]),
    )


def with_said(facts: SiteFacts, answers: ComposerSaid) -> SiteFacts:
    """The facts with Composer's answers."""
    return replace(
        facts,
        composer_asked=not answers.hold and not answers.problem,
        composer_hold=answers.hold,
        composer_problem=answers.problem,
        commit_problem=answers.commit,
        packages=tuple(_with_versions(package, answers) for package in facts.packages),
    )


def composer_reason(text: str) -> str:
    """Why Composer failed, as a sentence from its output. Credentials in URLs are removed."""
    lines = [line.strip() for line in clean(text[-20_000:]).splitlines()]
    for number, line in enumerate(lines):
        if _BOX.fullmatch(line):
            return _plain(_block(lines[number + 1 :]))
    for number, line in enumerate(lines):
        if line.startswith("Problem 1"):
            return _plain(_block(lines[number + 1 :]))
    messages = [
        line
        for line in lines
        if line and not line.startswith(("Warning: Accessing", "update [", "install ["))
    ]
    return _plain(messages[-1]) if messages else ""


def without_keys(text: str) -> str:
    """The text with the user, password and query removed from its URLs."""
    return _URL.sub(r"\1\2", text)


def _block(lines: Iterable[str]) -> str:
    """The first block of lines that are not empty."""
    found: list[str] = []
    for line in lines:
        if line:
            found.append(line)
        elif found:
            break
    return " ".join(found)


def _plain(text: str) -> str:
    return sentence(without_keys(text[:5_000]))


def _with_versions(package: Package, answers: ComposerSaid) -> Package:
    versions = answers.versions if package.part == "core" else ()
    allowed = answers.allowed.get(package.name, "")
    return replace(package, allowed=allowed, latest=answers.latest.get(package.name, ""), versions=versions)


def _parts(text: str, mark: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """The output and exit status of each command, by its name."""
    name, lines = "", list[str]()
    for line in text.split("\n"):
        if not line.startswith(f"{mark} "):
            lines.append(line)
            continue
        event = line.removeprefix(f"{mark} ")
        if event.startswith("ended "):
            code = event.removeprefix("ended ")
            yield name, ("\n".join(lines), int(code) if code.isdecimal() and len(code) < 4 else 1)  # noqa: PLR2004
        else:
            name = event
            if name.startswith("no-"):
                yield name, ("", 1)
        lines = []


def _upgrades(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:5_000]:
        if found := _UPGRADE.fullmatch(line):
            yield from _pair(found[1], found[3])


def _outdated(text: str) -> Iterator[tuple[str, str]]:
    entries = _object(text).get("locked")
    for entry in entries[:5_000] if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("latest-status") in {
            "semver-safe-update",
            "update-possible",
        }:
            yield from _pair(entry.get("name"), entry.get("latest"))


def _versions(text: str) -> tuple[str, ...]:
    entries = _object(text).get("versions")
    listed = entries[:_MOST] if isinstance(entries, list) else []
    return tuple(version for _, version in (pair for entry in listed for pair in _pair("x/x", entry)))


def _pair(name: object, version: object) -> Iterator[tuple[str, str]]:
    """The pair, if both have a valid form."""
    if isinstance(name, str) and isinstance(version, str):
        try:
            yield forms.composer(name), forms.version(version)
        except forms.FormError:
            return


def _object(text: str) -> dict[str, object]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
