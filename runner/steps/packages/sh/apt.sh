# valid package names: nothing else from apt becomes an argument of a command
package='[a-z0-9][a-z0-9+.:-]*'
apt_begin() {
  status='' lists='' top=''
  eval "$(apt-config shell status Dir::State::status/f lists Dir::State::Lists/d top Dir/d)"
  admin=${status%/*}
  say "native $(dpkg --print-architecture)"
}
apt_installed() { dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\n'; }
apt_locks() { echo "$admin/lock-frontend" "$admin/lock"; }

apt_facts() {
  section journal find "$admin/updates" -type f
  if unlocked "$lists/lock"; then section update apt-get -q -o APT::Update::Error-Mode=any update; fi
  section upgrade apt-get -s -q -o APT::Get::Show-User-Simulation-Note=no --with-new-pkgs upgrade
  full=$(apt-get -s -q -o APT::Get::Show-User-Simulation-Note=no dist-upgrade 2>&1)
  section full printf '%s\n' "$full"
  held=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n "s/^h.* \\($package\\)\$/\\1/p")
  upgraded=$(printf '%s\n' "$full" | sed -n "s/^Inst \\($package\\) \\[.*/\\1/p")
  # shellcheck disable=SC2086
  [ -z "$upgraded$held" ] || section policy apt-cache policy $upgraded $held
}

apt_unfinished() {
  [ -n "$(find "$admin/updates" -type f | head -n 1)" ] || apt_installed | grep -Eq '^(.[UFHWt]|..R)'
}
apt_repair() {
  dpkg --force-confdef --force-confold --configure -a
  apt_get -f install
}
apt_get() {
  left=$((wait - waited))
  apt-get -y -q --no-remove -o DPkg::Lock::Timeout="$left" -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

apt_change() {
  if apt_unfinished; then section repair apt_repair; fi
  result=0
  if [ $# -gt 0 ]; then
    section simulate apt-get -s -q -o APT::Get::Show-User-Simulation-Note=no install --only-upgrade "$@"
    removed=$(apt-get -s -q install --only-upgrade "$@" 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | tr '\n' ' ')
    if [ -n "$removed" ]; then say "removes $removed"; return 3; fi
    section upgrade apt_get install --only-upgrade "$@"; result=$?
  fi
  [ -z "$autoremove" ] || section autoremove apt-get -y -q -o DPkg::Lock::Timeout="$wait" autoremove
  return "$result"
}

apt_reboot() {
  if [ -e "${top%/}/var/run/reboot-required" ]; then
    cat "${top%/}/var/run/reboot-required.pkgs" 2>/dev/null || echo reboot-required
  elif command -v needrestart >/dev/null; then
    needrestart -b -k 2>/dev/null | grep -q '^NEEDRESTART-KSTA: 3' && echo kernel
  else
    # shellcheck disable=SC2012  # names of kernels
    newest=$(ls "${top%/}/boot" 2>/dev/null | sed -n 's/^vmlinuz-//p' | sort -V | tail -n 1)
    [ -z "$newest" ] || [ "$newest" = "$(uname -r)" ] || echo kernel
  fi
}
apt_services() {
  command -v needrestart >/dev/null || return 0
  env -u NEEDRESTART_SUSPEND needrestart -b -r l 2>/dev/null | sed -n 's/^NEEDRESTART-SVC: //p'
}
