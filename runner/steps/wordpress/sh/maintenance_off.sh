case $(state) in
theirs) say foreign; exit 1 ;;
none) say none; exit 0 ;;
esac
rm -f "$file"
if [ -e "$file" ]; then say unwritable; exit 1; fi
say open
