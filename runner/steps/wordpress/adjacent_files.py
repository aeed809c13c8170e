"""What lies around the items of a change, kept for the time of the change.

An update may delete another plugin, drop a must-use plugin, rewrite `.htaccess` or close the door behind it.
When it is taken back, so is that: what has gone comes back from hard links, which cost no space, what is new
goes into the restore point, and the files that steer the site are as they were.
"""

from __future__ import annotations

from runner.model import SiteFacts
from runner.shell import word, words

__all__ = ["TIDY", "keep_neighbours", "put_back_neighbours"]

TIDY = '"$kept"/*.near'
"""Only good for the change itself: later there are plugins that somebody has installed since."""
_STEERING = (".htaccess", ".user.ini", "wp-config.php")
_NEAR = r"""
near() {
  if [ -d "$kept/$1.near" ]; then return; fi
  rm -rf "$kept/$1.part"
  mkdir -p "$kept/$1.part" && note "$1" "$2" || return 0
  for one in "$2"/$3; do
    if [ -e "$one" ]; then cp -al "$one" "$kept/$1.part/" 2>/dev/null || return 0; fi
  done
  # files are the same ones, folders are copies
  if [ "$3" = '*' ]; then alike_below "$kept/$1.part" "$2" -type d >/dev/null 2>&1 || return 0; fi
  mv "$kept/$1.part" "$kept/$1.near"
}
steers() {
  mkdir -p "$kept/steering.near" && note root "$root" || return 0
  for one; do
    if [ -L "$one" ]; then readlink "$one" >"$kept/.link-${one##*/}" || return 0; fi
    if [ -f "$one" ]; then
      cp -p "$one" "$kept/steering.near/" || return 0
      # one of another owner is kept for its content
      alike "$kept/steering.near/${one##*/}" "$one" >/dev/null 2>&1 || :
    fi
  done
  if [ ! -e "$root/.maintenance" ]; then : >"$kept/open.near"; fi
}
"""
_AROUND = r"""
around() (
  if [ ! -d "$kept/$1.near" ]; then exit 0; fi
  mine && return_to "$1" "$2" || exit 1
  for one in ./$3; do
    if [ -e "$one" ] && [ ! -e "$kept/$1.near/${one##*/}" ]; then lay "$one" "$kept/$1-${one##*/}.new"; fi
  done
  for one in "$kept/$1.near"/$3; do
    if [ -e "$one" ] && [ ! -e "./${one##*/}" ] && [ ! -L "./${one##*/}" ]; then
      cp -al "$one" ./ && { [ ! -d "$one" ] || alike "./${one##*/}" "$one" -type d; }
    fi
  done
)
# same_link NAME: a link that was there before, and leads where it led
same_link() { [ -e "$kept/.link-$1" ] && [ "$(readlink "./$1")" = "$(cat "$kept/.link-$1")" ]; }
# steered OLD NEW: a file behind a link, of another owner, or in a folder closed to this login, is written to
steered() {
  if [ -L "$2" ] || { [ -f "$2" ] && [ ! -O "$2" ]; }; then cat "$1" >"$2"; return; fi
  seed steering.part && cp -p "$1" "$kept/steering.part/one" && alike "$kept/steering.part/one" "$1" &&
    settle "$kept/steering.part/one" "$2" || { [ -f "$2" ] && cat "$1" >"$2"; }
}
steer() (
  if [ ! -d "$kept/steering.near" ]; then exit 0; fi
  mine && return_to root "$root" || exit 1
  for one; do
    one=${one##*/} old="$kept/steering.near/${one##*/}"
    if [ -L "./$one" ] && ! same_link "$one"; then rm -f "./$one"; fi
    if [ -f "$old" ] && ! cmp -s "$old" "./$one"; then steered "$old" "./$one"; fi
    if [ ! -f "$old" ]; then rm -f "./$one"; fi
  done
  if [ -e "$kept/open.near" ]; then rm -f ./.maintenance; fi
)
"""


def keep_neighbours(facts: SiteFacts) -> str:
    """Shell text, after that of `alike`, that keeps them below `$kept`, as far as it can."""
    return f"{_NEAR}{_each('near', facts)}\n{_steering('steers', facts)}\n"


def put_back_neighbours(facts: SiteFacts) -> str:
    """Shell text that puts them back, as far as they were kept, after that of `alike`. Idempotent."""
    return f"{_AROUND}{_each('around', facts)}\n{_steering('steer', facts)}\n"


def _each(verb: str, facts: SiteFacts) -> str:
    content = facts.content_folder
    places = (
        ("plugins", facts.plugins_folder or f"{content}/plugins", "*"),
        ("themes", facts.themes_folder or f"{content}/themes", "*"),
        ("must-use", f"{content}/mu-plugins", "*"),
        ("drop-ins", content, "*.php"),
    )
    return "\n".join(words(verb, name, path, glob) for name, path, glob in places)


def _steering(verb: str, facts: SiteFacts) -> str:
    root = facts.root.rstrip("/")
    return f"root={word(root)}\n" + words(verb, *(f"{root}/{name}" for name in _STEERING))
