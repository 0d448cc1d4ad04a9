# shellcheck shell=sh disable=SC2154
# Counts "$p_column=<value>" in the logs of $p_logs (one a line), in lines written since $p_since (seconds since 1970),
# by the values of $p_values (one a line), and the lines that hold $p_mention if that is not empty. Rotated files are read as well, renamed, copied or packed.
p_work=$(mktemp -d) || refuse "expected to write in /tmp on $p_host, got no right or no space. Mend that and run again."
trap 'rm -rf "$p_work"' EXIT
printf '%s\n' "$p_values" >"$p_work/values"
# A file that ended before holds nothing of interest: years of packed logs are not read.
touch -d "@${p_since%.*}" "$p_work/since"

# Offset of the host's own clock, for times that name none.
p_zone=$(date +%z)
p_minutes=${p_zone#?}
p_local=$((${p_zone%????}1 * (1${p_minutes%??} % 100 * 3600 + 1${p_minutes#??} % 100 * 60)))

files_of() {
  for p_file in "$1" "$1".[0-9]* "$1"-[0-9]*; do
    [ -f "$p_file" ] || continue
    # While it is packed both are there: one counts.
    case $p_file in *.gz) [ ! -f "${p_file%.gz}" ] || continue ;; esac
    [ "$p_file" = "$1" ] || [ -n "$(find "$p_file" -prune -newer "$p_work/since")" ] || continue
    printf '%s\n' "$p_file"
  done
}

# Names and inodes: what changes when a log is rotated, and not when it grows.
state_of() {
  files_of "$1" | while IFS= read -r p_file; do stat -c '%i %n' "$p_file" 2>/dev/null || :; done
}

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

read_files() {
  files_of "$1" | while IFS= read -r p_file; do
    case $p_file in
      *.gz) gzip -dc "$p_file" 2>/dev/null || : ;;
      *) cat "$p_file" 2>/dev/null || : ;;
    esac
    # A last line without its end must not run into the next file.
    echo
  done
}

# True while copytruncate is between its copy and its cut: the log begins as its copy does.
is_copied() {
  [ -s "$1" ] && [ -f "$1.1" ] || return 1
  head -c 512 "$1" >"$p_work/now"
  head -c 512 "$1.1" | cmp -s - "$p_work/now"
}

# A log that is rotated while it is read would be counted twice or not at all: then it is read again.
collect() {
  p_tries=0
  while :; do
    p_before=$(state_of "$1")
    p_size=$(size_of "$1")
    # NULs are what a cut leaves before the next line of a writer that keeps its place.
    read_files "$1" | tr -d '\000' >"$p_work/lines"
    p_tries=$((p_tries + 1))
    if [ "$(state_of "$1")" = "$p_before" ] && [ "$(size_of "$1")" -ge "$p_size" ] && ! is_copied "$1"; then break; fi
    [ "$p_tries" -lt 5 ] || break
    sleep 1
  done
  cat "$p_work/lines" >>"$p_work/all"
}

: >"$p_work/all"
printf '%s\n' "$p_logs" >"$p_work/logs"
while IFS= read -r p_log; do
  [ -n "$p_log" ] || continue
  p_found=$(files_of "$p_log")
  if [ -z "$p_found" ]; then
    echo "missing $p_log"
  elif [ -e "$p_log" ] && [ ! -r "$p_log" ]; then
    echo "unreadable $p_log"
  else
    collect "$p_log"
  fi
done <"$p_work/logs"

awk -v since="$p_since" -v column="$p_column" -v mention="$p_mention" -v zone="$p_local" '
  # Days since 1970 of a date; March begins the year, so that leap days come last.
  function days(y, m, d,    era, yoe, doy) {
    if (m <= 2) y -= 1
    era = int(y / 400)
    yoe = y - era * 400
    doy = int((153 * (m > 2 ? m - 3 : m + 9) + 2) / 5) + d - 1
    return era * 146097 + yoe * 365 + int(yoe / 4) - int(yoe / 100) + doy - 719468
  }
  # Seconds since 1970 of the time that a line begins with; -1 without one.
  function instant(line,    at, rest, sign) {
    sub(/^\[/, "", line)
    if (line !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]/) return -1
    at = days(substr(line, 1, 4) + 0, substr(line, 6, 2) + 0, substr(line, 9, 2) + 0) * 86400
    at += substr(line, 12, 2) * 3600 + substr(line, 15, 2) * 60 + substr(line, 18, 2)
    rest = substr(line, 20)
    if (match(rest, /^[.,][0-9]+/)) {
      at += ("0." substr(rest, 2, RLENGTH - 1)) + 0
      rest = substr(rest, RLENGTH + 1)
    }
    if (rest ~ /^Z/) return at
    if (rest ~ /^[+-][0-9][0-9]:?[0-9][0-9]/) {
      sign = substr(rest, 1, 1) == "-" ? -1 : 1
      return at - sign * (substr(rest, 2, 2) * 3600 + substr(rest, substr(rest, 4, 1) == ":" ? 5 : 4, 2) * 60)
    }
    return at - zone
  }
  function count(value) {
    if (value in wanted) seen[wanted[value]] += 1
    else other += 1
  }
  NR == FNR { wanted[$0] = FNR; values = FNR; next }
  # To know when a line was written costs far more than to search it.
  mention == "" && index($0, column "=") == 0 { next }
  {
    at = instant($0)
    if (at >= 0 && at < since - 0.0005) next
    if (mention != "" && $0 != "") {
      # Undated ones may be the rest of a trace from before: no sign that anything was written since.
      if (at >= 0) lines += 1
      if (index($0, mention) > 0) mentions += 1
    }
    rest = $0
    while ((place = index(rest, column "=")) > 0) {
      before = place > 1 ? substr(rest, place - 1, 1) : " "
      rest = substr(rest, place + length(column) + 1)
      if (before ~ /[A-Za-z0-9_]/) continue
      if (at < 0) { unknown += 1; break }
      if (substr(rest, 1, 1) == "\"") value = substr(rest, 2, index(substr(rest, 2), "\"") - 1)
      else { value = rest; sub(/[ \t\r,;)}\]"].*$/, "", value) }
      count(value)
    }
  }
  END {
    for (number = 1; number <= values; number += 1) printf "value %d %d\n", number, seen[number]
    printf "other %d\nunknown %d\nlines %d\nmentions %d\n", other, unknown, lines, mentions
  }
' "$p_work/values" "$p_work/all"
