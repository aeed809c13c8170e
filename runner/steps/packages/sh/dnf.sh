dnf_begin() { say "native $(uname -m)"; }
dnf_installed() { rpm -qa --qf 'ii\t%{NAME}\t%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n'; }
dnf_locks() { echo "$(rpm --eval %_dbpath)/.rpm.lock"; }

# patiently COMMAND...: repeat while another dnf is running (status 200)
patiently() {
  while :; do
    said=$("$@" 2>&1); code=$?
    [ "$code" = 200 ] || break
    if [ "$waited" -ge "$wait" ]; then
      say "locked" "$(dnf_holder)"
      break
    fi
    sleep 1
    waited=$((waited + 1))
  done
  printf '%s\n' "$said"
  return "$code"
}
# shellcheck disable=SC2009  # pgrep may not be installed
dnf_holder() { ps -eo pid=,comm= 2>/dev/null | grep -E ' (dnf|yum|dnf-automatic|packagekitd)$' | head -n 1; }

dnf_facts() {
  section update patiently dnf -q --setopt=exit_on_lock=True check-update
  section all dnf -q -C --disableplugin=versionlock --disableexcludes=all check-update
  section advisories dnf -q -C --disableplugin=versionlock --disableexcludes=all \
    updateinfo list --security --available
}

# obsoletes=0: packages replaced by others are left alone; an upgrade never removes a package.
dnf_change() {
  result=0
  if [ $# -gt 0 ]; then
    section upgrade patiently dnf -y --setopt=exit_on_lock=True --setopt=obsoletes=0 upgrade "$@"; result=$?
  fi
  [ -z "$autoremove" ] || section autoremove patiently dnf -y --setopt=exit_on_lock=True autoremove
  return "$result"
}

dnf_reboot() {
  dnf -q -C needs-restarting -r 2>/dev/null | sed -n 's/^  \* //p'
}
dnf_services() { dnf -q -C needs-restarting -s 2>/dev/null | grep -F .service; }
