"""`static.build`: a shell text that builds a static site, on the controller or on the site's host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from runner.model import Outcome, SecretRef, Site, SiteKind, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Missing, Needs, Result, Script, StepKind, Where, by_status

__all__ = ["BuildOptions", "StaticBuild", "build_before", "no_folder", "placed"]

NOTHING_BUILT = 65
"""Exit status if the output folder is empty after the build."""
NO_FOLDER = 66
"""Exit status if the folder of the build does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Options of `static.build`."""

    run: str = field(metadata={"doc": "POSIX shell text, run unchanged in `folder`", "scalar": "run"})
    where: Literal["controller", "host"] = field(
        default="controller", metadata={"doc": "run on the `controller` or on the `host`"}
    )
    folder: str = field(
        default=".",
        metadata={
            "doc": "the checkout: an absolute path, or relative to the workspace (on the controller) or the "
            "home folder (on the host); `{site}` in it is replaced by the site's name"
        },
    )
    output: str = field(
        default="public", metadata={"doc": "the folder below `folder` that the build writes to"}
    )
    env: Mapping[str, str | SecretRef] = field(
        default_factory=dict,
        metadata={"doc": "environment variables; each value is a text or a reference to a secret"},
    )

    def __post_init__(self) -> None:
        if not self.run.strip():
            raise ValueError("there is nothing to run")
        if "\0" in self.run:
            raise ValueError("`run` cannot contain a NUL character")
        if posixpath.isabs(self.output) or ".." in self.output.split("/"):
            raise ValueError("`output` must be a folder below `folder`")
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a valid name for an environment variable")

    @property
    def built(self) -> str:
        """The output folder, relative like `folder`."""
        return posixpath.normpath(posixpath.join(self.folder, self.output))


def placed(text: str, site: Site) -> str:
    """Return a folder from the playbook with `{site}` replaced."""
    return text.replace("{site}", site.name)


class StaticBuild(StepKind):
    """Succeeds if the text exits with 0 and the output folder is not empty."""

    name = "static.build"
    summary = "Builds a static site, on the controller or on its host."
    options = BuildOptions
    example = """\
- static.build: {run: "npm ci && npx @11ty/eleventy", folder: "sources/{site}", output: _site}
- static.release: {from: build, keep: 5}
"""
    reads = "nothing."
    plans = "nothing: the result of a build is only known once it has run."
    changes = (
        "only the checkout. On the controller it runs in a clean environment, without the variables of your "
        "shell. It is stopped with the run, and `resume` builds again."
    )
    understood = (
        "by its exit status and the output folder: a build that exits with 0 but leaves the folder empty has "
        "`failed`."
    )
    undone = "not needed: nothing is online yet."
    sites = frozenset({SiteKind.STATIC})

    def place(self, step: Step) -> Where:
        """Return the controller or the host, from the options."""
        return Where.HOST if cast("BuildOptions", step.options).where == "host" else Where.CONTROLLER

    def needs(self, step: Step, site: Site) -> Needs:
        """Return the folder of the build."""
        options = cast("BuildOptions", step.options)
        folder = placed(options.folder, site)
        if options.where == "controller":
            return Needs(folder=folder)
        return Needs(check=f"cd && cd {word(folder)} || exit {NO_FOLDER}\n")

    def missing(self, step: Step, site: Site, result: Result) -> Missing | None:
        """Return that the folder of a build on the host does not exist."""
        if result.status != NO_FOLDER:
            return None
        return Missing(
            why=no_folder(cast("BuildOptions", step.options), site),
            hint=f"correct `folder` of {step.id}, or create the checkout",
        )

    def script(self, step: Step, context: Context) -> Script:
        """Return the text after a `cd`, followed by a check of the output folder."""
        options = cast("BuildOptions", step.options)
        folder, output = (word(placed(part, context.site)) for part in (options.folder, options.output))
        site = f"SITECREW_SITE={word(context.site.name)} SITECREW_URL={word(context.site.url)}"
        # in a subshell, so that an `exit` in the text does not skip the check after it
        text = f"""cd || exit
cd {folder} || exit {NO_FOLDER}
export {site}
( {_own_shell(options.run)} ) || exit
[ -n "$(ls -A {output} 2>/dev/null)" ] || exit {NOTHING_BUILT}
"""
        return Script(text=text, env=options.env)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Determine the outcome from the exit status."""
        options = cast("BuildOptions", step.options)
        built = placed(options.built, context.site)
        whys = {
            NOTHING_BUILT: f"the build exited with 0, but {built} is empty",
            NO_FOLDER: no_folder(options, context.site),
        }
        if result.why or result.status not in whys:
            return by_status(step, result, Outcome.OK)
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED,
            why=whys[result.status],
            seconds=result.seconds,
            output=result.output,
        )


def build_before(steps: Iterable[Step], step: Step) -> BuildOptions | None:
    """Return the options of the last build before a step; None if there is none."""
    found = None
    for one in steps:
        if one.id == step.id:
            break
        if isinstance(one.options, BuildOptions):
            found = one.options
    return found


def no_folder(options: BuildOptions, site: Site) -> str:
    """Return the reason of a build whose folder does not exist."""
    return f"there is no folder {placed(options.folder, site)} on the {options.where}"


def _own_shell(text: str) -> str:
    return f"eval {word(text)}"
