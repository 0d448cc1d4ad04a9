# shellcheck shell=sh disable=SC2154
# Streams the lines of the logs $p_logs (one a line: a path, or journal:<unit>) that hold every one of $p_words (one a
# line), oldest file first, rotated ones as well. What a line says and when it was written is judged by who reads this.
# $p_since: seconds since 1970; what surely is older by days is left out. $p_sample: "yes" for other dated lines as well,
# each one of a small log, fewer of a large one. $p_peek: "yes" for the end of each log alone.
#   now <seconds>, zone <name>           the host's clock
#   begin <log>                          nothing of this log said before counts: it is read (again, after a rotation)
#   file <path>                          the lines that follow are its
#   m <number> <line>                    it holds the words
#   h <number> <line>                    the last line before the next m that looks dated: the m may belong to it
#   s <lines> <number> <line>            sample: so many dated lines without the words are from here on
#   missing | unreadable | unpackable <path>, silent <unit>
p_work=$(mktemp -d) || refuse "expected to write in /tmp on $p_host, got no right or no space. Mend that and run again."
trap 'rm -rf "$p_work"' EXIT
p_day=
if [ -n "$p_since" ]; then
  # A file that ended before holds nothing of interest: years of packed logs are not read.
  touch -d "@${p_since%.*}" "$p_work/since"
  # No zone is two days away.
  p_day=$(date -u -d "@$((${p_since%.*} - 172800))" +%Y-%m-%d)
fi

# The zone's name, since one day's offset is not another's.
zone_name() {
  p_link=$(timeout 5 timedatectl show -p Timezone --value 2>/dev/null || :)
  [ -z "$p_link" ] || { echo "$p_link" && return; }
  [ -e /etc/localtime ] || { echo UTC && return; }
  p_link=$(readlink -f /etc/localtime)
  case $p_link in
    */zoneinfo/*) ;;
    # A copy, as some images have: the zone is the one with the same rules.
    *) p_link=$(find /usr/share/zoneinfo -type f ! -path '*/right/*' -exec cmp -s {} /etc/localtime \; -print 2>/dev/null | head -n 1) ;;
  esac
  p_link=${p_link##*/zoneinfo/}
  echo "${p_link#posix/}"
}

files_of() {
  [ "$p_peek" != yes ] || { [ ! -f "$1" ] || echo "$1" && return; }
  # Beside app.log.1 and app.log-20260302 there are app.2026-03-02.0.log and app.1.log of Logback and Log4j and
  # app-2026-03-02T09-00-00.000.log of Go; app-1.log may be another process's.
  p_stem=${1%.*} p_ext=${1##*.}
  case ${1##*/} in ?*.*) ;; *) p_stem=$1 p_ext='' ;; esac
  p_year='[0-9][0-9][0-9][0-9]-[0-9][0-9]'
  for p_file in "$1".[0-9]* "$1"-[0-9]* ${p_ext:+"$p_stem".[0-9]*."$p_ext"* "$p_stem"[-_]$p_year*."$p_ext"*} "$1"; do
    [ -f "$p_file" ] || continue
    # While it is packed both are there: one counts.
    case $p_file in *.gz | *.xz | *.zst | *.bz2 | *.zip | *.lz4) [ ! -f "${p_file%.*}" ] || continue ;; esac
    [ "$p_file" = "$1" ] || [ -z "$p_since" ] || [ -n "$(find "$p_file" -prune -newer "$p_work/since")" ] || continue
    printf '%s %s\n' "$(stat -c %Y "$p_file" 2>/dev/null || echo 0)" "$p_file"
  done | sort -s -n -k1,1 | cut -d ' ' -f 2-
}

# Names and inodes: what changes when a log is rotated, and not when it grows.
state_of() {
  files_of "$1" | sort | while IFS= read -r p_file; do stat -c '%i %n' "$p_file" 2>/dev/null || :; done
}

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# A first line that the cut went through tells nothing.
read_end() {
  if [ "$(size_of "$1")" -gt 262144 ]; then tail -c 262144 "$1" | tail -n +2; else cat "$1"; fi
}

unpack() {
  case $1 in
    # 2 is a warning, such as for a file that is written still.
    *.gz) gzip -dc "$1" || [ $? -eq 2 ] ;;
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -dcq "$1" ;;
    *.bz2) bzip2 -dc "$1" ;;
    *.lz4) lz4 -dcq "$1" ;;
    *.zip) unzip -p "$1" ;;
    *) if [ "$p_peek" = yes ]; then read_end "$1"; else cat "$1"; fi ;;
  esac 2>/dev/null
}

# $1: how many dated lines one sample stands for; 0 for none. Words are texts, not patterns; not by -v, which reads escapes.
keep_lines() {
  # NULs are what a cut leaves before the next line of a writer that keeps its place.
  tr -d '\000' | ROLLOUT_WORDS="$p_words" awk -v day="$p_day" -v stride="$1" '
    BEGIN { words = split(ENVIRON["ROLLOUT_WORDS"], word, "\n") }
    function holds(    i) {
      # A message of the journal as bytes can be searched by the reader alone.
      if (index($0, "\"MESSAGE\":[") > 0) return 1
      for (i = 1; i <= words; i += 1) if (index($0, word[i]) == 0) return 0
      return 1
    }
    # Whether a line looks like one with a time of its own: what follows without may belong to it.
    function dated(start) {
      if (start ~ /^[[<("]*[0-9][0-9][0-9][0-9]/ || start ~ /^[{]/) return 1
      if (start ~ /^[ \t]/) return 0
      return start ~ /[0-9][0-9][-\/][0-9][0-9][T _:]+[0-9][0-9]?:[0-9][0-9]/ ||
        start ~ /[A-Z][a-z][a-z][\/ -]+[0-9 ,]*[0-9][ :,]+[0-9][0-9]?:[0-9][0-9]/ ||
        start ~ /^[A-Z][0-9][0-9][0-9][0-9] +[0-9][0-9]:/ ||
        start ~ /(^|[ \t,])"?@?(ts|t|time|timestamp|datetime|asctime|date)"?=/ ||
        start ~ /[[|] *[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]/
    }
    function old(start) {
      if (substr(start, 1, 1) == "[") start = substr(start, 2)
      return day != "" && start ~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-/ && substr(start, 1, 10) < day
    }
    function flush() {
      if (lines > 0) print "s " lines " " sampled
      lines = 0
    }
    {
      held = holds()
      if (!held && $0 == "") next
      start = substr($0, 1, 200)
      own = dated(start)
      if (held && !(own && old(start))) {
        if (!(own && start ~ /^([[<("]*[0-9]|[{])/) && head != "" && said != headed) {
          print "h " headed " " head
          said = headed
        }
        # A message as bytes takes five letters for each of them, and is nothing once it is cut.
        print "m " NR " " substr($0, 1, index($0, "\"MESSAGE\":[") > 0 ? 1048576 : 65536)
      }
      if (!own) next
      head = substr($0, 1, 4096)
      headed = NR
      if (held || stride == 0 || old(start)) next
      if (lines >= stride) flush()
      if (lines == 0) sampled = NR " " head
      lines += 1
    }
    END {
      flush()
      # The next file may begin with what belongs to it.
      if (head != "" && said != headed) print "h " headed " " head
    }
  '
}

# True while copytruncate is between its copy and its cut: the log begins as its copy does.
is_copied() {
  [ -s "$1" ] && [ -f "$1.1" ] || return 1
  head -c 512 "$1" >"$p_work/now"
  head -c 512 "$1.1" | cmp -s - "$p_work/now"
}

stride_of() {
  [ "$p_sample" = yes ] || { echo 0 && return; }
  echo $((1 + $(size_of "$1") / 1048576))
}

send_files() {
  : >"$p_work/faults"
  while IFS= read -r p_file; do
    echo "file $p_file"
    if [ ! -r "$p_file" ]; then
      echo "unreadable $p_file" >>"$p_work/faults"
      continue
    fi
    { unpack "$p_file" || echo "unpackable $p_file" >>"$p_work/faults"; } | keep_lines "$(stride_of "$p_file")"
  done <"$p_work/files"
}

# A log that is rotated while it is read would be counted twice or not at all: then it is read again.
send_log() {
  p_tries=0
  while :; do
    p_before=$(state_of "$1")
    p_size=$(size_of "$1")
    files_of "$1" >"$p_work/files"
    echo "begin $1"
    [ -s "$p_work/files" ] || { echo "missing $1" && return; }
    send_files
    p_tries=$((p_tries + 1))
    if [ "$(state_of "$1")" = "$p_before" ] && [ "$(size_of "$1")" -ge "$p_size" ] && ! is_copied "$1"; then break; fi
    [ "$p_tries" -lt 5 ] || break
    sleep 1
  done
  cat "$p_work/faults"
}

send_journal() {
  echo "begin journal:$1"
  command -v journalctl >/dev/null 2>&1 || { echo "missing journalctl" && return; }
  # A unit that nobody knows and one that may not be read both hold nothing.
  [ -n "$(journalctl -q --no-pager -u "$1" -n 1 -o cat 2>/dev/null)" ] || { echo "silent $1" && return; }
  echo "file journal:$1"
  p_stride=0
  p_last=
  [ "$p_peek" != yes ] || p_last=1000
  [ "$p_sample" != yes ] || p_stride=100
  { journalctl -q --no-pager -a -u "$1" -o json --output-fields=MESSAGE ${p_since:+--since "@${p_since%.*}"} ${p_last:+-n "$p_last"} 2>/dev/null ||
    echo "unreadable journal:$1" >"$p_work/broken"; } | keep_lines "$p_stride"
  [ ! -e "$p_work/broken" ] || cat "$p_work/broken"
  rm -f "$p_work/broken"
}

echo "now $(date +%s)"
echo "zone $(zone_name)"
printf '%s\n' "$p_logs" >"$p_work/logs"
while IFS= read -r p_log; do
  case $p_log in
    '') ;;
    journal:*) send_journal "${p_log#journal:}" ;;
    *) send_log "$p_log" ;;
  esac
done <"$p_work/logs"
