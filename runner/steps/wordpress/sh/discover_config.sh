# Prints name and content of each readable configuration file of a web server, NUL-terminated.
files() {
  for f in /etc/nginx/nginx.conf /etc/nginx/conf.d/*.conf /etc/nginx/sites-enabled/* /etc/nginx/vhosts.d/*.conf \
    /etc/apache2/apache2.conf /etc/apache2/httpd.conf /etc/apache2/sites-enabled/* /etc/apache2/vhosts.d/*.conf \
    /etc/apache2/conf.d/*.conf /etc/httpd/conf/httpd.conf /etc/httpd/conf.d/*.conf /etc/httpd/vhosts.d/*.conf \
    /usr/local/etc/nginx/nginx.conf /usr/local/etc/nginx/conf.d/*.conf /usr/local/etc/apache24/Includes/*.conf; do
    printf '%s\n' "$f"
  done
  ps -eo args 2>/dev/null | sed -n \
    -e 's/^nginx: master process .* -c \([^ ]*\).*/\1/p' \
    -e 's/^[^ ]*\/\(apache2\|httpd\) .*-f \([^ ]*\).*/\2/p'
}
files | head -n 500 | while IFS= read -r f; do
  if [ -f "$f" ] && [ -r "$f" ]; then
    printf '%s\0' "$f"
    head -c 262144 "$f" | tr -d '\000'
    printf '\0'
  fi
done
