mkdir -p "${inside:-$target}" && ground "$inside" "${inside:-$target}" || exit 1
if [ -n "$inside" ]; then
  case $below in .) ;; *) make "$below" ;; esac
  case $? in 0) ;; 2) echo "the target folder leads out of the site's path"; exit 1 ;; *) exit 1 ;; esac
fi
[ -d "./$part" ] || ( umask 077; mkdir "./$part" ) || exit 1
private "$part" || { echo 'the folder for incoming files is a link or belongs to another account'; exit 1; }
