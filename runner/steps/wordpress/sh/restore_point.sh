device() { df -P "$1" 2>/dev/null | tail -n 1 | sed 's/ .*% */ /'; }
if [ -n "$SITECREW_RESTORE" ] && [ "$(device "$SITECREW_RESTORE")" = "$(device "$site_folder")" ]; then
  kept=$SITECREW_RESTORE/$tag
else
  kept=$site_folder/.sitecrew-$tag
fi
