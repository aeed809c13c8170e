"""`static.release`: a folder of files put online by switching one link.

The site's path is a symbolic link. The releases lie beside it, each a folder of its own; visitors see a new
one from one request to the next, since the link is replaced by one rename.
"""

from __future__ import annotations

from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, SiteKind, Step, StepOutcome
from runner.shell import assign
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.static.layout import Layout, ReleaseOrder, SwitchOrder
from runner.steps.static.refusal import ReleaseOptions
from runner.steps.static.switch import SWITCH, switch_script
from runner.steps.static.tree import SHELL
from runner.untrusted import sentence

__all__ = ["StaticRelease"]


class StaticRelease(StepKind):
    """A release: sent beside what is online, checked, switched to, read again."""

    name = "static.release"
    becomes = False
    summary = "Puts a folder of files online as a new release, by switching one link."
    options = ReleaseOptions
    example = """\
- static.release: {from: build}
- static.release: {from: "dist/{site}", keep: 10, exclude: ["*.map", drafts/], adopt: true}
"""
    reads = (
        "what is online on the host, every file with its SHA-256, size and permissions; and the folder "
        "to be released in the same way. A link that leads out of the folder is refused by name."
    )
    plans = (
        "`release`, from the one online to the new content, with the number of files and bytes that are "
        "new, changed and removed."
    )
    changes = (
        "the link that is the site's path: the release is sent to a folder beside it, checked file by "
        "file, and the link is replaced by one rename. A release that is empty, or has lost a third of "
        "its files or bytes, is refused. Releases beyond `keep` go; never one that is served."
    )
    understood = "by what the host reads through the link after the switch, never by what was sent."
    undone = (
        "by switching back: the release before is still there, and the switch is one rename. At once where "
        "the re-reading fails; and, while the host waits, where a look finds the site worse than before: "
        "status, text, size, stylesheets. With `force` only what is wrong in itself counts. Later by hand: "
        "`sitecrew undo RUN`."
    )
    where = Where.UPLOAD
    sites = frozenset({SiteKind.STATIC})

    def guarded(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """The folder of releases: the link itself leads elsewhere afterwards."""
        return Layout.of(context.site.path).releases

    def script(self, step: Step, context: Context) -> Script:
        """Checks what was sent, switches, reads again through the link, takes old releases away."""
        order = context.prepared
        if not isinstance(order, SwitchOrder):
            return Script(text="exit 3\n")
        if not isinstance(order, ReleaseOrder):
            layout, serving = Layout.of(context.site.path), order.standing.release
            return Script(text=switch_script(layout, order.name, context.mark, expect=serving))
        options = cast("ReleaseOptions", step.options)
        layout, standing = Layout.of(context.site.path), order.standing
        values = {
            "mark": context.mark,
            "path": layout.path,
            "parent": layout.parent,
            "room": layout.room,
            "releases": layout.releases,
            "name": order.name,
            "part": layout.incoming(order.name),
            "list": layout.sums(order.name),
            "count": str(order.files),
            "keep": str(options.keep),
            "was": standing.path,
            "target": standing.target,
            "adopted": order.adopted,
            "did": str(order.difference),
        }
        return Script(
            text=f"sitecrew() {{\n{assign(values)}{SHELL}{SWITCH}{_RELEASE}\n}}\nsitecrew </dev/null\n"
        )

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what the host read again through the link after the switch."""
        said = _said(result.output, context.mark)
        problem = said.get("problem", "")
        output = "\n".join(f"{word}: {value}" for word, value in said.items())
        if result.why or (problem and not result.status) or "to" not in said:
            found = by_status(step, result, Outcome.FAILED)
            if problem:
                found = StepOutcome(
                    step=step.id,
                    outcome=Outcome.FAILED,
                    why=_problem(problem),
                    seconds=result.seconds,
                    output=output,
                )
            return found
        change = ChangeOutcome(
            item="release",
            kind=ItemKind.RELEASE,
            from_version=sentence(said.get("from", ""), _NAME),
            to_version=sentence(said["to"], _NAME),
            outcome=Outcome.CHANGED,
            why=sentence("; ".join(said[verb] for verb in ("did", "adopted", "gap") if said.get(verb))),
        )
        return StepOutcome(
            step=step.id, outcome=Outcome.CHANGED, seconds=result.seconds, changes=(change,), output=output
        )


_RELEASE = r"""
# whole FOLDER: it holds exactly the files of the list, and nothing that is neither file nor folder
whole() (
  cd "$1/" && sums -c "$releases/$list" >/dev/null 2>&1 &&
    [ "$(find . -type f -exec printf '%.0sx' {} + | wc -c)" -eq "$count" ] &&
    [ -z "$(find . ! -type f ! -type d -exec printf '%.0sx' {} + | head -c 1)" ]
)
# inside COMMAND...: run in the folder of releases, which must be where it seems to be
inside() ( cd -P "$root" && cd -P "./$room" && place && [ "$at" = "${root%/}/$room" ] && "$@" )
# keep_as FOLDER NAME: a folder of the working folder becomes the release NAME
keep_as() { [ ! -e "./$2" ] && [ ! -L "./$2" ] && { rename "./$1" "./$2" || mv "./$1" "./$2"; }; }
# adopt FOLDER: it becomes the release before
adopt() { inside take_over "$1"; }
take_over() {
  if [ -e "./$adopted" ] || [ -L "./$adopted" ]; then return 1; fi
  rename "$1" "./$adopted" || mv "$1" "./$adopted"
}
ground '' "$parent" || stop no-folder
now=nothing at=
if [ -L "$path" ]; then now=link at=$(readlink "$path"); elif [ -d "$path" ]; then now=folder; fi
[ "$now $at" = "$was $target" ] || stop "moved $at"
inside true || stop leads-out
# left by a switch that was cut just after the folder and the link changed places
if [ -d "$path.next" ] && [ ! -L "$path.next" ]; then adopt "$path.next" || stop no-rename; fi
[ -d "$room/$part" ] || stop vanished
[ -s "$room/$list" ] || stop vanished
[ ! -e "$room/$name" ] || stop "exists $name"
whole "$releases/$part" || stop damaged
# in the group of what is online, or of their folder; a look finds out where that is not possible
crew=$(stat -c %g "$path/" 2>/dev/null || stat -c %g . 2>/dev/null)
[ -z "$crew" ] || inside find "./$part" ! -type l ! -group "$crew" -exec chgrp "$crew" {} + 2>/dev/null || :
like_online=$(stat -c %a "$path/" 2>/dev/null)
[ -z "$like_online" ] || inside find "./$part" -type d ! -perm "$like_online" \
  -exec chmod "$like_online" {} + 2>/dev/null || :
inside keep_as "$part" "$name" || stop no-rename
before=
case $was in
folder)
  rm -f "$path.next" && ln -sn "$room/$name" "$path.next" || stop no-link
  if exchange "$path.next" "$path"; then adopt "$path.next" || stop no-rename
  elif adopt "$path"; then
    if ! swap "$path" "$room/$name"; then
      rename "$room/$adopted" "$path" || mv "$room/$adopted" "$path"
      stop no-rename
    fi
    say "gap this host cannot exchange a folder for a link in one step: for an instant there was neither"
  else rm -f "$path.next"; stop no-rename; fi
  before=$adopted
  say "adopted what was online is the release $adopted" ;;
*)
  swap "$path" "$room/$name" || { inside keep_as "$name" "$part"; stop no-rename; }
  before=${target%/} before=${before##*/} ;;
esac
if [ "$(readlink "$path")" != "$room/$name" ] || ! whole "$path"; then
  [ -z "$before" ] || [ ! -d "$room/$before" ] || swap "$path" "$room/$before"
  stop reread
fi
say "from $before"
say "to $name"
say "did $did"
# old releases go; never one that any link of this folder leads to, nor the one before
in_use() {
  for l in "$root"/* "$root"/.[!.]*; do
    [ -L "$l" ] && t=$(readlink "$l") && [ "${t##*/}" = "$1" ] && return
  done
  return 1
}
# prune: in the folder of releases
prune() {
  kept=0
  for d in $(printf '%s\n' [0-9]*Z-* | grep -E '^[0-9]{8}T[0-9]{6}Z-[0-9a-z]+$' | sort -r); do
    [ -d "./$d" ] && [ ! -L "./$d" ] || continue
    kept=$((kept + 1))
    [ "$kept" -gt "$keep" ] || continue
    if [ "$d" = "$name" ] || [ "$d" = "$before" ] || in_use "$d"; then continue; fi
    rm -rf "./$d" "./.$d.sums" && say "pruned $d"
  done
  # what was never finished, by now forgotten
  find . ! -name . -prune -name '.*.part' -mtime +7 -exec rm -rf {} + 2>/dev/null
}
inside prune
exit 0
"""


def _said(output: str, mark: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in output.splitlines():
        if line.startswith(f"{mark} "):
            word, _, value = line.removeprefix(f"{mark} ").partition(" ")
            said[word] = f"{said[word]}, {value}" if word == "pruned" and word in said else value
    return said


_NAME = 255
_PROBLEMS = {
    "no-folder": "the folder of the link is not there",
    "leads-out": "the folder of releases is a link to another folder: nothing was put online",
    "vanished": "what was sent is gone from the host; run it again",
    "damaged": "what arrived on the host is not what was sent: nothing was put online; run it again",
    "no-link": "the host could not make a link",
    "no-rename": "the host could not switch the link: nothing was put online",
    "no-release": "there is no such release on the host",
    "reread": "what is served is not what was sent: the release before was put back",
}


def _problem(word: str) -> str:
    name, _, rest = word.partition(" ")
    if name == "moved":
        return f"the site was changed meanwhile: its path leads to {sentence(rest) or 'something else'} now"
    if name == "exists":
        return f"there is a release {sentence(rest)} already, with other files in it; begin a new run"
    return _PROBLEMS.get(name, sentence(word))
