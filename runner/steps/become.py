"""`become: true`: a shell text run with root's rights, by sudo, in a way that can still be stopped.

A login may not send signals to what sudo runs, so a text that is given to sudo as it stands would outlive
its time limit and its cancelling. Here the login's shell holds the writing end of a pipe that root's side
listens to: when that shell ends, however it ends, root's side ends the group of the text.

The text and its environment travel through that pipe, never through an argument. sudo asks for the password
by a program of ours (`-A`), which prints a FIFO of the login's own, whatever its prompt is. The FIFO is gone
as soon as it was opened, so that a wrong password is tried once. Where no program of ours may be executed, it
is `cat`, and the prompt is the FIFO's path. A sudo without `-A` (sudo-rs before 0.2.11) reads the password
from its stdin, and root's side opens the pipe by its path. The password is never on a disk or in an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runner.model import Host, Step
from runner.shell import assign
from runner.untrusted import clean, sentence

__all__ = ["PASSWORD", "Refusal", "as_root", "cannot_become", "refusal", "without_mark"]

PASSWORD = "SITECREW_SUDO"  # noqa: S105  # the name of the variable
"""Environment variable that carries the host's `become_password` to `as_root`'s text, where there is one."""

_CARRIED = ("LC_ALL", "NO_COLOR", "TERM", "SITECREW_RESTORE", "SITECREW_BOOT_ID")

# Runs as root. Read line by line up to a last word, so that a text that was cut off does nothing.
_READER = (
    '[ -z "$1" ]||{ exec <"$1"&&rm -f "$1"||exit 1;};'
    'n=${IFS#??};b=;while IFS= read -r l;do case $l in "$0")eval "$b";exit;;esac;b=$b$l$n;done;exit 1'
)

_ROOT = r"""
umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec 3<&0 </dev/null
printf '\n%s became\n' "$mark" >&2
printf '%s\n' "$task" | setsid /bin/sh /dev/fd/9 9<&0 </dev/null 3<&- & child=$!
( while read -r line <&3; do :; done
  kill -TERM "-$child"; sleep 4 </dev/null 3<&-; kill -KILL "-$child" ) >/dev/null 2>&1 & watch=$!
exec 3<&-
{ wait "$child"; code=$?; kill -KILL "$watch"; } 2>/dev/null
exit "$code"
"""

_LOGIN = r"""
say() { printf '\n%s %s\n' "$mark" "$*" >&2; }
quoted() {
  text=$1 out=
  while :; do case $text in *\'*) out=$out${text%%\'*}"'\\''" text=${text#*\'};; *) break;; esac; done
  printf "'%s'" "$out$text"
}
password=$SITECREW_SUDO given=${SITECREW_SUDO+1}
unset SITECREW_SUDO
if [ "$(id -u)" = 0 ]; then umask 022; say became; eval "$task"; exit; fi
command -v sudo >/dev/null || { say no-sudo; exit 3; }
umask 077
me=${LOGNAME:-$(id -un)} pipe=''
# a folder of the account: no other account can create something under the name of the pipe
for room in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$me" "/tmp/.sitecrew-$me"; do
  [ -d "$room" ] || mkdir -m 700 "$room" 2>/dev/null || continue
  [ -O "$room" ] && [ ! -L "$room" ] && chmod 700 "$room" || continue
  pipe=$room/become.$$
  rm -f "$pipe" "$pipe.ask"
  mkfifo "$pipe" 2>/dev/null && break
  pipe=
done
[ -n "$pipe" ] || { say no-room; exit 3; }
ask=$pipe.ask program='' giver='' writer='' stopped='' flags=-n by_path='' code=''
trap 'rm -f "$pipe" "$ask" "$program"; kill -KILL $giver $writer 2>/dev/null' EXIT
trap 'stopped=1; exec 4>&-' TERM
trap : PIPE
if [ -n "$given" ]; then
  case $(LC_ALL=C sudo -h 2>&1) in *askpass*) flags=-A;; *--prompt*) flags="-S -p ''";; *) flags=-S;; esac
fi
if [ "$flags" = -A ]; then
  mkfifo "$ask" || { say no-room; exit 3; }
  ( trap - PIPE EXIT; exec >"$ask" 2>/dev/null </dev/null
    rm -f "$ask"; printf '%s\n' "$password" ) & giver=$!
  cat=/bin/cat
  [ -x "$cat" ] || cat=/usr/bin/cat
  for room in "${pipe%/*}" "/var/tmp/.sitecrew-$me" "/tmp/.sitecrew-$me"; do
    [ -d "$room" ] || mkdir -m 700 "$room" 2>/dev/null || continue
    [ -O "$room" ] && [ ! -L "$room" ] && chmod 700 "$room" || continue
    program=$room/askpass.$$
    rm -f "$program"
    printf '#!/bin/sh\n[ -n "$SITECREW_TRY" ] || exec %s %s\n' "$cat" "$(quoted "$ask")" >"$program" ||
      continue
    chmod 700 "$program" && SITECREW_TRY=1 "$program" 2>/dev/null && break
    rm -f "$program"
    program=
  done
  SUDO_ASKPASS=${program:-$cat} rest=$ask prompt=''
  export SUDO_ASKPASS
  while :; do case $rest in *%*) prompt=$prompt${rest%%\%*}%% rest=${rest#*%};; *) break;; esac; done
  flags="-A -p $(quoted "$prompt$rest")"
elif [ -n "$given" ]; then
  by_path=$pipe
fi
body=
for name in $names; do
  eval "set -- \"\${$name+1}\" \"\$$name\""
  [ -z "$1" ] || body="$body
export $name=$(quoted "$2")"
done
eval "set -- $flags"
if [ -n "$by_path" ]; then
  exec 4<>"$pipe"  # does not wait for root's side, which may never come
  printf '%s\n' "$password" | LC_ALL=C sudo "$@" -H -- /bin/sh -c "$reader" "$mark" "$pipe" 4>&- & sudo=$!
else
  LC_ALL=C sudo "$@" -H -- /bin/sh -c "$reader" "$mark" "" <"$pipe" & sudo=$!
  exec 4>"$pipe"
  rm -f "$pipe"
fi
password=
send() { printf '%s\n' "mark=$mark" "$body" "task=$(quoted "$task")" "$root" "$mark"; }
if [ -n "$by_path" ]; then send >&4 2>/dev/null & writer=$!; else send >&4 2>/dev/null; fi
while :; do wait "$sudo"; code=$?; [ -n "$stopped" ] || break; stopped=; done
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why root's rights were not had, and what helps."""

    why: str
    hint: str

    def __str__(self) -> str:
        return f"{self.why}; {self.hint}"


def as_root(text: str, mark: str, names: Iterable[str] = ()) -> str:
    """`text` run as root. `mark` is a random word that begins what the wrapping itself has to say, on stderr.

    `names` are the environment variables that go along; sudo takes all others away. A text that already runs
    as root is run as it stands. SIGTERM to the login's shell, or its death, ends what runs as root.
    """
    carried = " ".join(dict.fromkeys((*_CARRIED, *names)))
    settings = {
        "mark": mark,
        "names": carried,
        "reader": _READER,
        "root": _ROOT.strip(),
        "task": text,
    }
    head = assign(settings).rstrip()
    return f'sitecrew_become() {{\n{head}\n{_LOGIN.strip()}\n}}\nsitecrew_become "$@"\n'


def cannot_become(step: Step, host: Host) -> str:
    """Why a step that asks for root's rights cannot have them on this host; empty when it may try."""
    if not step.become or host.become or host.user == "root":
        return ""
    return (
        f"{step.id} says `become: true`, but host {host.name} does not say how; "
        f"write `become: sudo` below hosts.{host.name}"
    )


def refusal(output: str, mark: str, *, password: bool) -> Refusal | None:
    """Why the text was never begun; None when it was. `password`: one had been given."""
    if re.search(rf"^{re.escape(mark)} became$", output, re.MULTILINE):
        return None
    if match := re.search(rf"^{re.escape(mark)} ({'|'.join(_OURS)})$", output, re.MULTILINE):
        return _OURS[match[1]]
    lowered = clean(output).lower()
    for words, found in _SUDO:
        if words in lowered:
            return _WRONG if password and found is _ASKED else found
    said = sentence(" ".join(line for line in output.splitlines() if "sudo" in line.lower()), 160)
    return Refusal(f"sudo ended without running anything{f': {said}' if said else ''}", "try `sudo -v` there")


def without_mark(output: str, mark: str) -> str:
    """The output of the text alone: not the wrapping's line, nor sudo's lecture and prompt before it."""
    before, found, rest = output.partition(f"\n{mark} became\n")
    return rest if found else before


_ASKED = Refusal("sudo asks for a password", "set `become_password: {env: NAME}` of the host")
_WRONG = Refusal("sudo refused the password", "correct what `become_password` of the host refers to")
_OURS = {
    "no-sudo": Refusal("there is no sudo on the host", "install it there, or log in as root"),
    "no-room": Refusal("no FIFO can be made on the host", "make the login's home or /var/tmp writable"),
}
_STRANGER = Refusal("the login may not use sudo", "add it to the group sudo or wheel there")
_FEW = Refusal("sudo does not let the login run /bin/sh as root", "allow it in sudoers: (root) /bin/sh")
_SETUID = Refusal(
    "sudo there does not run as root", "give it root as owner and the setuid bit; mount without nosuid"
)
_SUDO = (
    ("must have a tty", Refusal("sudo there wants a terminal", "take `requiretty` out of its sudoers")),
    ("not in the sudoers file", _STRANGER),
    ("may not run sudo", _STRANGER),
    ("i'm afraid i can't do that", _FEW),
    ("is not allowed to execute", _FEW),
    ("may not run", _FEW),
    ("incorrect password attempt", _WRONG),
    ("incorrect authentication attempt", _WRONG),
    ("authentication failed, try again", _WRONG),
    ("sorry, try again", _WRONG),
    ("a password is required", _ASKED),
    ("no password was provided", _ASKED),
    ("interactive authentication is required", _ASKED),
    ("a terminal is required", _ASKED),
    ("authentication token manipulation error", _ASKED),
    (
        "is your account locked",
        Refusal("the login's account is locked for sudo", "unlock it, or wait, there"),
    ),
    ("expired", Refusal("the login's password has expired", "renew it with passwd there")),
    (
        "no new privileges",
        Refusal("the host's sandbox forbids sudo", "take NoNewPrivileges from the service sshd runs in"),
    ),
    ("must be owned by uid 0", _SETUID),
    ("effective uid is not 0", _SETUID),
)
"""What sudo and sudo-rs say in English, in lower case; the first that is found counts."""
