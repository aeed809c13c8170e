"""The options of a release, its name, and the reasons to refuse it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runner.steps.static.layout import Layout, Standing
from runner.steps.static.tree import Tree, digest
from runner.units import size
from runner.untrusted import sentence

__all__ = ["ReleaseOptions", "name_of", "refusal"]

_SMALLEST = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """Options of `static.release`."""

    source: str = field(
        default="build",
        metadata={
            "alias": "from",
            "doc": "a folder on the controller, with `{site}` replaced by the site's name; `build` is the "
            "output of the `static.build` before it",
            "scalar": "source",
        },
    )
    keep: int = field(
        default=5, metadata={"doc": "how many releases to keep on the host, including the one online"}
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "files to leave out: paths below the folder, or names without a slash at any depth"},
    )
    adopt: bool = field(
        default=False,
        metadata={
            "doc": "if the site's path is a folder, make it the first release and replace it with a link"
        },
    )
    force: bool = field(
        default=False,
        metadata={"doc": "put the release online even if it has lost a third of its files or bytes"},
    )

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("`from` must be a folder or `build`")
        if self.keep < 2:  # noqa: PLR2004
            raise ValueError("keep at least 2 releases: switching back needs the previous one")


def name_of(at: datetime, tree: Tree) -> str:
    """Return the name of a release: the time in UTC and a hash of its content."""
    return f"{at:%Y%m%dT%H%M%SZ}-{digest(tree)[:8]}"


def refusal(options: ReleaseOptions, layout: Layout, standing: Standing, tree: Tree | None) -> str:
    """Return why a release is refused and what to do about it; empty if it is not.

    If `tree` is None because it has not been built yet, only the state of the host is judged.
    """
    if tree is not None and not tree:
        return f"{options.source} contains no files; nothing was put online"
    why = _host_problem(layout, standing) or ("" if options.adopt else _needs_adopt(layout, standing))
    return why or ("" if options.force or tree is None else _shrunk(standing.serving, tree))


def _host_problem(layout: Layout, standing: Standing) -> str:
    if standing.path == "other":
        return f"{layout.path} is neither a link nor a folder"
    if not standing.writable:
        return f"this login cannot write to {layout.parent}, the folder of the link and the releases"
    if not standing.summer:
        return "the host needs sha256sum or shasum to check uploaded files"
    return ""


def _needs_adopt(layout: Layout, standing: Standing) -> str:
    """Return why the path may only be replaced with `adopt: true`; empty if it is a link to a release."""
    ours = standing.target.rstrip("/") in {
        f"{layout.room}/{standing.release}",
        f"{layout.releases}/{standing.release}",
    }
    if standing.path == "folder":
        return (
            f"{layout.path} is a folder, not a link to a release; add `adopt: true` to the step once to make "
            f"it the first release in {layout.releases} and replace it with a link"
        )
    if standing.path == "link" and not ours:
        return (
            f"{layout.path} points to {sentence(standing.target)}, which is not in {layout.releases}; "
            "add `adopt: true` to the step once to switch the link; its old target is left alone"
        )
    return ""


def _shrunk(old: Tree, new: Tree) -> str:
    """Return why a release that lost a third of its files or bytes is refused; empty if it did not."""
    amounts = (
        (len(old), len(new), f"{len(old)} files", f"{len(new)} files"),
        (_size(old), _size(new), size(_size(old)), size(_size(new))),
    )
    for had, has, before, now in amounts:
        if had and has <= had * _SMALLEST:
            return (
                f"the site would shrink from {before} to {now}, by a third or more; if that is intended, "
                "add `force: true` to the step"
            )
    return ""


def _size(tree: Tree) -> int:
    return sum(max(file.size, 0) for file in tree.values())
