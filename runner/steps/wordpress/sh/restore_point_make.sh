find "$site_folder" -maxdepth 1 -type d -name '.sitecrew-*' -mtime +14 -exec rm -rf {} + 2>/dev/null
mkdir -p "$kept" && chmod 700 "$kept" && mine || exit 1
case $kept in "$site_folder"/*)
  printf '%s\n' '<IfModule mod_authz_core.c>' 'Require all denied' '</IfModule>' \
    '<IfModule !mod_authz_core.c>' 'Deny from all' '</IfModule>' >"$kept/.htaccess" ||
    { echo 'No space left for a restore point'; exit 1; }
esac
