attempt() {
@program@
}
sift() {
  head -c 50000000 | awk -v mark="$mark " 'index($0, mark) == 1 { print; next }
    { kept[NR % 40] = substr($0, 1, 600); size += length($0) }
    END { if (size > 45000000) print "\n" mark "problem flood"
      for (i = NR + 1; i <= NR + 40; i++) if ((i % 40) in kept) print kept[i % 40] }'
}
on_disk() { roots read_root; contents read_content; }
(LC_ALL=C; export LC_ALL; on_disk 2>/dev/null | head -c 2000000)
say boot
said=$(attempt 2>&1 | sift)
printf '\n%s\n' "$said"
case $said in *"$mark {"*) exit 0 ;; esac
say again
attempt --skip-plugins --skip-themes 2>&1 | sift
exit 0
