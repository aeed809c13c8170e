"""What a release may be, how it is called, and why one is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runner.steps.static.layout import Layout, Standing
from runner.steps.static.tree import Tree, amount, digest
from runner.untrusted import sentence

__all__ = ["ReleaseOptions", "name_of", "refusal"]

_SMALLEST = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """What may stand below `static.release`."""

    source: str = field(
        default="build",
        metadata={
            "alias": "from",
            "doc": "a folder on the controller, `{site}` in it is the site's name; `build`: what "
            "`static.build` made before",
            "scalar": "source",
        },
    )
    keep: int = field(
        default=5, metadata={"doc": "how many releases stay on the host, the one online included"}
    )
    exclude: tuple[str, ...] = field(
        default=(), metadata={"doc": "files to leave out: paths below the folder, or names without a slash"}
    )
    adopt: bool = field(
        default=False,
        metadata={
            "doc": "where the site's path is a folder: make it the first release, and put a link there"
        },
    )
    force: bool = field(
        default=False, metadata={"doc": "put it online also when it has lost a third of its files or bytes"}
    )

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("`from` names a folder, or `build`")
        if self.keep < 2:  # noqa: PLR2004
            raise ValueError("keep at least 2 releases: the one before is what a switch back needs")


def name_of(at: datetime, tree: Tree) -> str:
    """The name of a release: when, in UTC, and what."""
    return f"{at:%Y%m%dT%H%M%SZ}-{digest(tree)[:8]}"


def refusal(options: ReleaseOptions, layout: Layout, standing: Standing, tree: Tree | None) -> str:
    """Why a release must not be made, with what to type; empty when it may.

    `tree` is None where it has not been built yet: only what stands on the host is judged.
    """
    if tree is not None and not tree:
        return f"{options.source} holds no files: nothing was put online"
    why = _unable(layout, standing) or ("" if options.adopt else _foreign(layout, standing))
    return why or ("" if options.force or tree is None else _shrunk(standing.serving, tree))


def _unable(layout: Layout, standing: Standing) -> str:
    if standing.path == "other":
        return f"{layout.path} is neither a link nor a folder"
    if not standing.writable:
        return f"the account may not write to {layout.parent}, where the link and the releases lie"
    if not standing.summer:
        return "the host has neither sha256sum nor shasum, so what arrives cannot be checked"
    return ""


def _foreign(layout: Layout, standing: Standing) -> str:
    """What stands at the path is not ours, and nobody said that it may be replaced."""
    ours = standing.target.rstrip("/") in {
        f"{layout.room}/{standing.release}",
        f"{layout.releases}/{standing.release}",
    }
    if standing.path == "folder":
        return (
            f"{layout.path} is a folder, not a link to a release; add `adopt: true` to the step once: "
            f"it becomes the first release in {layout.releases}, and a link takes its place"
        )
    if standing.path == "link" and not ours:
        return (
            f"{layout.path} leads to {sentence(standing.target)}, which is none of {layout.releases}; "
            "add `adopt: true` to the step once: the link is switched, what it led to is left alone"
        )
    return ""


def _shrunk(old: Tree, new: Tree) -> str:
    amounts = (
        (len(old), len(new), f"{len(old)} files", f"{len(new)} files"),
        (_size(old), _size(new), amount(_size(old)), amount(_size(new))),
    )
    for had, has, before, now in amounts:
        if had and has <= had * _SMALLEST:
            return (
                f"it shrank from {before} to {now}, by a third or more; if that is meant, "
                "add `force: true` to the step"
            )
    return ""


def _size(tree: Tree) -> int:
    return sum(max(file.size, 0) for file in tree.values())
