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
# in a folder of this account, so that no other account can create a file with the name of the pipe
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
  exec 4<>"$pipe"  # opened for reading too: does not wait for the reader, which may never start
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
