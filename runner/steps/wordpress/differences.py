"""Compare the files of a site with the lists that wordpress.org published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from runner.model import Sums
from runner.steps.base import Published
from runner.steps.wordpress import forms
from runner.steps.wordpress.disk import Tree, WordPressTree
from runner.steps.wordpress.sums import below
from runner.untrusted import sentence

__all__ = ["Finding", "State", "Subject", "compare_core", "compare_plugins"]

_AT_ONCE = 6
_MOST = 500
"""The most plugins of one site that are compared."""
_MAY_BE_MISSING = frozenset({"readme.html", "license.txt", "wp-config-sample.php"})
_OWN = frozenset({"wp-config.php"})
_RUNS = re.compile(r"\.(?:ph|user\.ini)", re.IGNORECASE)
"""Names of files that a web server runs, or that make it run others."""
_README = re.compile(r"readme\.(txt|md)", re.IGNORECASE)
_WORDPRESS_ORG = re.compile(r"(?:https?://)?(?:[a-z]+\.)?(?:wordpress|w)\.org(?:/.*)?", re.IGNORECASE)
_UNASKED = Sums(problem="no answer from wordpress.org")


class State(StrEnum):
    """How far a subject could be checked."""

    VERIFIED = "verified"
    UNVERIFIABLE = "not verifiable"
    """There is no published list."""
    UNCHECKED = "not checked"
    """wordpress.org did not answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that differs from what was published, and how it differs."""

    what: str
    file: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The result for WordPress or one plugin."""

    name: str
    version: str
    state: State
    why: str = ""
    findings: tuple[Finding, ...] = field(default=())


def compare_core(tree: WordPressTree, published: Published | None) -> Subject:
    """Compare WordPress: its two folders, and the files next to them that a web server runs."""
    prefix = f"{tree.place}/" if tree.place else ""
    links = [path for path in tree.other if path.removeprefix(prefix) in {"wp-admin", "wp-includes"}]
    if links:
        return Subject("core", tree.version, State.UNVERIFIABLE, f"{sentence(links[0])} is a link")
    if not tree.version:
        return Subject("core", "", State.UNVERIFIABLE, "wp-includes/version.php contains no version")
    sums = published.core_sums(tree.version, tree.locale) if published else _UNASKED
    if sums.problem or not sums.files:
        why = sums.problem or f"wordpress.org has no list for this build ({tree.locale})"
        return Subject("core", tree.version, State.UNCHECKED if sums.problem else State.UNVERIFIABLE, why)
    listed = {name: right for name, right in sums.files.items() if not name.startswith("wp-content/")}
    on_disk = _FilesOnDisk(
        prefix,
        dict(below(tree.place, tree.sums)),
        may_be_missing=lambda name: name in _MAY_BE_MISSING,
        may_be_added=lambda name: name in _OWN or ("/" not in name and not _RUNS.search(name)),
    )
    return Subject("core", tree.version, State.VERIFIED, findings=tuple(_differences(listed, on_disk, tree)))


def compare_plugins(tree: Tree, published: Published | None) -> list[Subject]:
    """Compare each plugin of a content folder, by its folder."""
    place = f"{tree.place}/plugins"
    folders: dict[str, dict[str, str]] = {}
    for path, value in below(place, tree.sums):
        folder, slash, name = path.partition("/")
        folders.setdefault(folder if slash else path, {})[name] = value
    for path in tree.other:
        folders.setdefault(path.removeprefix(f"{place}/").partition("/")[0], {})
    unanswered = [False]

    def compare(folder: str) -> Subject | None:
        subject = _plugin(tree, place, folder, folders[folder], None if unanswered[0] else published)
        unanswered[0] |= subject is not None and subject.state == State.UNCHECKED
        return subject

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = [one for one in pool.map(compare, sorted(folders)[:_MOST]) if one]
    if len(folders) > _MOST:
        found.append(
            Subject("plugins", "", State.UNVERIFIABLE, f"only {_MOST} of {len(folders)} are compared")
        )
    return found


def _plugin(
    tree: Tree, place: str, folder: str, files: Mapping[str, str], published: Published | None
) -> Subject | None:
    prefix = f"{place}/{folder}/"
    name = sentence(folder.removesuffix(".php"), 100)
    if "" in files:  # a file, not a folder
        about = tree.headers.get(f"{place}/{folder}", {})
        is_plugin = "name" in about
        return (
            Subject(name, about.get("version", ""), State.UNVERIFIABLE, "it is a single file")
            if is_plugin
            else None
        )
    about = _header(tree, prefix, folder)
    version = about.get("version", "")
    links = tuple(Finding("a link", sentence(path)) for path in tree.other if path.startswith(prefix))
    if f"{place}/{folder}" in tree.other:
        return Subject(name, version, State.UNVERIFIABLE, "its folder is a link")
    vendor = about.get("update uri", "")
    why = ""
    if not about:
        why = "it contains no main file of a plugin"
    elif vendor and not _WORDPRESS_ORG.fullmatch(vendor):
        why = "it is not from wordpress.org"
    elif not version or not _is_valid(folder, version):
        why = "its name or version is not a valid one on wordpress.org"
    if why:
        return Subject(name, version, State.UNVERIFIABLE, why, links)
    sums = published.plugin_sums(folder, version) if published else _UNASKED
    if sums.problem:
        return Subject(name, version, State.UNCHECKED, sums.problem, links)
    if not sums.files:
        why = "wordpress.org has no list for this version (is it premium or private?)"
        return Subject(name, version, State.UNVERIFIABLE, why, links)
    listed = {file: right for file, right in sums.files.items() if not _README.fullmatch(file)}
    on_disk = _FilesOnDisk(
        prefix, {file: value for file, value in files.items() if not _README.fullmatch(file)}
    )
    return Subject(name, version, State.VERIFIED, findings=tuple(_differences(listed, on_disk, tree)))


def _header(tree: Tree, prefix: str, folder: str) -> dict[str, str]:
    """The header of the plugin's main file: the one named after its folder, or the first with a header."""
    found = {
        path: about for path, about in tree.headers.items() if path.startswith(prefix) and "name" in about
    }
    usual = f"{prefix}{folder}.php"
    return found.get(usual) or next((found[path] for path in sorted(found)), {})


@dataclass(frozen=True, slots=True)
class _FilesOnDisk:
    """The files of a subject on disk, by their paths below `here`."""

    prefix: str
    files: Mapping[str, str]
    may_be_missing: Callable[[str], bool] = lambda _: False
    may_be_added: Callable[[str], bool] = lambda _: False


def _differences(listed: Mapping[str, Sequence[str]], on_disk: _FilesOnDisk, tree: Tree) -> Iterator[Finding]:
    """Yield the differences between the published list and the files on disk."""
    unread = {
        **_named(tree.large, on_disk.prefix, "larger than is read"),
        **_named(tree.other, on_disk.prefix, "a link"),
        **_named(tree.odd, on_disk.prefix, "added, with an odd name"),
    }
    for name, right in listed.items():
        if name in on_disk.files and on_disk.files[name] not in right:
            yield Finding("changed", sentence(f"{on_disk.prefix}{name}"))
        elif name not in on_disk.files and name not in unread and not on_disk.may_be_missing(name):
            yield Finding("missing", sentence(f"{on_disk.prefix}{name}"))
    added = dict.fromkeys(sorted(on_disk.files.keys() - listed.keys()), "added") | unread
    for name, what in added.items():
        if name in listed or not on_disk.may_be_added(name):
            yield Finding(what, sentence(f"{on_disk.prefix}{name}"))


def _named(paths: Sequence[str], prefix: str, what: str) -> dict[str, str]:
    return {path.removeprefix(prefix): what for path in paths if path.startswith(prefix)}


def _is_valid(folder: str, version: str) -> bool:
    try:
        return bool(forms.slug(folder) and forms.version(version))
    except forms.FormError:
        return False
