"""Exact copies: with owner, group, mode, setgid and ACL, also where `cp` cannot keep them."""

from __future__ import annotations

from runner.steps.wordpress.shell import plain_program

__all__ = ["alike"]

_ALIKE = r"""
# rights PATH: owner, group, mode and ACL of all that is in it, as far as the host has tools that tell
rights() (
  if [ -d "$1" ]; then
    cd "$1" && find . -exec stat -c '%n %u %g %a' {{}} + 2>/dev/null | sort
    getfacl -R -n -s . 2>/dev/null
  else
    stat -c '%u %g %a' "$1"
    getfacl -n -s "$1" 2>/dev/null | sed '/^# file/d'
  fi
)
likeness() {{
{program}
}}
# alike NEW OLD: gives a copy what `cp` could not, such as a group of which this login is not a member
alike() {{
  [ "$(rights "$1")" != "$(rights "$2")" ] || return 0
  php=${{php:-$(find_php)}}
  SITECREW_KEPT=$kept SITECREW_NEW=$1 SITECREW_MODEL=$2
  export SITECREW_KEPT SITECREW_NEW SITECREW_MODEL
  likeness
}}
"""


def alike(mark: str) -> str:
    """The shell function `alike NEW OLD`, for a text that has `find_php`, and `$kept`."""
    return _ALIKE.format(program=plain_program("alike", mark, {}, parts=("ownership",)))
