"""`static.build`: whatever makes the files of a static site, on the controller or on its host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from runner.model import Outcome, SecretRef, Site, SiteKind, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status

__all__ = ["NO_FOLDER", "BuildOptions", "StaticBuild", "folder_script", "no_folder", "placed"]

NOTHING_BUILT = 65
NO_FOLDER = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What may stand below `static.build`."""

    run: str = field(metadata={"doc": "POSIX shell text, run as it stands in `folder`", "scalar": "run"})
    where: Literal["controller", "host"] = field(
        default="controller", metadata={"doc": "where it runs: `controller` or `host`"}
    )
    folder: str = field(
        default=".",
        metadata={
            "doc": "the checkout: on the controller below the workspace, on the host below the home, "
            "or absolute; `{site}` in it is the site's name"
        },
    )
    output: str = field(default="public", metadata={"doc": "the folder below `folder` that it fills"})
    env: Mapping[str, str | SecretRef] = field(
        default_factory=dict,
        metadata={"doc": "environment variables; a value is a text or a secret reference"},
    )

    def __post_init__(self) -> None:
        if not self.run.strip():
            raise ValueError("there is nothing to run")
        if "\0" in self.run:
            raise ValueError("a shell text cannot hold a NUL character")
        if posixpath.isabs(self.output) or ".." in self.output.split("/"):
            raise ValueError("`output` is a folder below `folder`")
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a name of an environment variable")

    @property
    def built(self) -> str:
        """The folder that it fills, as `folder` is written."""
        return posixpath.normpath(posixpath.join(self.folder, self.output))


def placed(text: str, site: Site) -> str:
    """A folder of the playbook for one site."""
    return text.replace("{site}", site.name)


class StaticBuild(StepKind):
    """Succeeds when the text exits with 0 and the output folder holds something."""

    name = "static.build"
    summary = "Builds a static site, on the controller or on its host."
    options = BuildOptions
    example = """\
- static.build: {run: "npm ci && npx @11ty/eleventy", folder: "sources/{site}", output: _site}
- static.release: {from: build, keep: 5}
"""
    reads = "nothing."
    plans = "nothing: nobody can know what a build will make."
    changes = (
        "the checkout only. On the controller it runs in a clean environment, and nothing of the crew's "
        "own reaches it. It is stopped with the run, and `resume` builds again."
    )
    understood = (
        "by its exit status, and by the output folder: a build that ends well and leaves it empty is "
        "`failed`."
    )
    undone = "by nothing: nothing is online yet."
    sites = frozenset({SiteKind.STATIC})

    def place(self, step: Step) -> Where:
        """As the options say."""
        return Where.HOST if cast("BuildOptions", step.options).where == "host" else Where.CONTROLLER

    def script(self, step: Step, context: Context) -> Script:
        """The text itself after a `cd`, then a look at what it made."""
        options = cast("BuildOptions", step.options)
        folder, output = (word(placed(part, context.site)) for part in (options.folder, options.output))
        site = f"SITECREW_SITE={word(context.site.name)} SITECREW_URL={word(context.site.url)}"
        # a shell of its own for the text, so that an `exit` in it does not pass over the look behind it
        text = f"""cd || exit
cd {folder} || exit {NO_FOLDER}
export {site}
( {_own_shell(options.run)} ) || exit
[ -n "$(ls -A {output} 2>/dev/null)" ] || exit {NOTHING_BUILT}
"""
        return Script(text=text, env=options.env)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By the exit status."""
        options = cast("BuildOptions", step.options)
        built = placed(options.built, context.site)
        whys = {
            NOTHING_BUILT: f"it said that it was done, and {built} holds nothing",
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


def folder_script(options: BuildOptions, site: Site) -> str:
    """Exits with `NO_FOLDER` where the folder of a build on the host is not there."""
    return f"cd && cd {word(placed(options.folder, site))} || exit {NO_FOLDER}\n"


def no_folder(options: BuildOptions, site: Site) -> str:
    """Why a build cannot begin."""
    where = "here" if options.where == "controller" else "on the host"
    return f"there is no folder {placed(options.folder, site)} {where}"


def _own_shell(text: str) -> str:
    return f"eval {word(text)}"
