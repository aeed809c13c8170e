# Facts and changes of a host's packages: POSIX sh, as root.
# Variables: mark, wait (seconds for locks), restart (never, auto or names), autoremove.
# Output for the controller is between lines that start with $mark.

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1
# keep needrestart's apt hook from restarting services; restart_services decides that
export NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
unset LANGUAGE
waited=0

say() { printf '\n%s %s\n' "$mark" "$*"; }

# section NAME COMMAND...: print the output and status of COMMAND between two lines for the controller
section() {
  name=$1; shift
  say "begin $name"
  "$@" 2>&1; code=$?
  say "end $name $code"
  return "$code"
}

# holder FILE: print id and name of the process that has locked FILE
holder() {
  inode=$(stat -c %i "$1" 2>/dev/null) || return 1
  while read -r n kind how mode pid place rest; do
    case $place in
      *:"$inode") read -r name <"/proc/$pid/comm" || name=unknown; printf '%s %s' "$pid" "$name"; return 0;;
    esac
  done 2>/dev/null </proc/locks
  return 1
}
# unlocked FILE...: wait until no process has locked the files
unlocked() {
  for file; do
    while who=$(holder "$file"); do
      if [ "$waited" -ge "$wait" ]; then say "locked $who"; return 1; fi
      sleep 1
      waited=$((waited + 1))
    done
  done
}

boot() { cat "${SITECREW_BOOT_ID:-/proc/sys/kernel/random/boot_id}"; }

detect() {
  manager=
  if [ -n "$(dpkg-query -W -f . 2>/dev/null | head -c 1)" ]; then manager=apt
  elif command -v dnf >/dev/null && [ -n "$(rpm -qa 2>/dev/null | head -n 1)" ]; then manager=dnf
  fi
  say "manager ${manager:-none}"
  [ -n "$manager" ] || exit 3
  "${manager}_begin"
}

read_system() {
  detect
  section who id -u
  section boot boot
  section before "${manager}_installed"
  "${manager}_facts"
  section reboot "${manager}_reboot"
}

# change_system PACKAGE...
change_system() {
  detect
  section boot boot
  section before "${manager}_installed"
  before=$("${manager}_installed")
  # shellcheck disable=SC2046
  unlocked $("${manager}_locks") || exit 75
  "${manager}_change" "$@"
  changed=$?
  [ "$restart" = never ] || restart_services
  return "$changed"
}

# Services whose restart would end the session, the network or containers are left to a reboot.
restart_services() {
  if [ "$restart" = auto ]; then
    services=$("${manager}_services" | grep -Ev "$untouched")
  elif [ "$("${manager}_installed")" = "$before" ]; then services=
  else services=$restart
  fi
  for service in $services; do
    case $service in -*) continue ;; esac # would be an option of systemctl
    section "restart:$service" systemctl try-restart "$service"
  done
}
untouched='^(dbus|systemd-|getty@|serial-getty@|user@|gdm|lightdm|sddm|docker|containerd|libvirt|network|NetworkManager)'

reread_system() {
  detect
  section after "${manager}_installed"
  section reboot "${manager}_reboot"
  section services "${manager}_services"
}

# reboot_system BOOT_ID: report before the reboot, which happens even if the connection breaks
reboot_system() {
  [ "$(boot)" = "$1" ] || return 0
  if command -v systemctl >/dev/null; then set -- systemctl reboot; else set -- shutdown -r now; fi
  say "begin rebooting"
  report=$(mktemp) || exit 1
  setsid sh -c '"$@" >"$0" 2>&1; echo "status $?" >>"$0"' "$report" "$@" </dev/null >/dev/null 2>&1 &
  tries=0
  while [ "$tries" -lt 20 ] && ! grep -q '^status' "$report"; do sleep 0.1; tries=$((tries + 1)); done
  cat "$report"
  rm -f "$report"
  say "end rebooting 0"
}
