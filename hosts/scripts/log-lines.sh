# shellcheck shell=sh disable=SC2154
# Prints the last $p_most lines that hold $p_mark ("deal_id=7") as a whole word, of the logs of $p_logs (one a line), oldest
# file first; rotated files are read as well. What can't be read is said: `missing <log>`, `unreadable <log>`, before
# the line `lines`.
p_work=$(mktemp -d) || refuse "expected to write in /tmp on $p_host, got no right or no space. Mend that and run again."
trap 'rm -rf "$p_work"' EXIT
printf '%s\n' "$p_logs" >"$p_work/logs"
: >"$p_work/found"

files_of() {
  for p_file in "$1".[0-9]* "$1"-[0-9]* "$1"; do
    [ -f "$p_file" ] || continue
    # While it is packed both are there: one counts.
    case $p_file in *.gz) [ ! -f "${p_file%.gz}" ] || continue ;; esac
    printf '%s %s\n' "$(stat -c %Y "$p_file")" "$p_file"
  done | sort -s -n -k1,1 | cut -d ' ' -f 2-
}

# The key is a text, not a pattern, and `deal_id=7` is not in `deal_id=71`. Long lines are cut: one may hold a whole page.
keep_lines() {
  # Not by -v, which reads escapes in it.
  ROLLOUT_MARK="$p_mark" awk '
    BEGIN { mark = ENVIRON["ROLLOUT_MARK"] }
    function holds(rest,    place, before, after) {
      while ((place = index(rest, mark)) > 0) {
        before = place > 1 ? substr(rest, place - 1, 1) : " "
        after = substr(rest, place + length(mark), 1)
        if (before !~ /[A-Za-z0-9_]/ && after !~ /[A-Za-z0-9_.-]/) return 1
        rest = substr(rest, place + length(mark))
      }
      return 0
    }
    holds($0) { print substr($0, 1, 4000) }
  ' | tail -n "$p_most"
}

while IFS= read -r p_log; do
  [ -n "$p_log" ] || continue
  files_of "$p_log" >"$p_work/files"
  if [ ! -s "$p_work/files" ]; then
    echo "missing $p_log"
    continue
  fi
  while IFS= read -r p_file; do
    if [ ! -r "$p_file" ]; then
      echo "unreadable $p_file"
      continue
    fi
    case $p_file in
      *.gz) gzip -dc "$p_file" 2>/dev/null | keep_lines ;;
      *) keep_lines <"$p_file" ;;
    esac >>"$p_work/found"
  done <"$p_work/files"
done <"$p_work/logs"
echo lines
tail -n "$p_most" "$p_work/found"
