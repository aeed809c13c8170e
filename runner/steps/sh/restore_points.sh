me=${LOGNAME:-$(id -un)}
SITECREW_RESTORE=
for c in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$me" "/tmp/.sitecrew-$me"; do
  if [ -O "$c" ] && [ ! -L "$c" ] && [ -d "$c/restore/$of" ]; then SITECREW_RESTORE=$c/restore/$of; break; fi
done
export SITECREW_RESTORE
