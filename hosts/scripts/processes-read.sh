# shellcheck shell=sh disable=SC2154,SC2086
# Prints the host's clock, the releases, and of each unit in $p_units what systemd says and which processes run in it.
# Of a process: `process <pid> <start in ticks since boot>`, then where it stands (`in <how> <release>`) and what its
# environment says of the variable (`environ <state> <value>`): of no other variable anything is printed.
export TZ=UTC
echo "clock $(date +%s.%N) $(cut -d ' ' -f 1 /proc/uptime) $(getconf CLK_TCK 2>/dev/null || echo 100)"
p_real=$(readlink -f "$p_app_dir" || true)
for p_file in "$p_app_dir/releases"/*; do
  [ ! -d "$p_file" ] || echo "release ${p_file##*/}"
done
p_env_real=$(readlink -f "$p_env_file" || true)

# The release that a path lies in, if it is one of this application's.
release_in() {
  case $2 in
    "$p_real/releases/"?*) p_rest=${2#"$p_real/releases/"} ;;
    "$p_app_dir/releases/"?*) p_rest=${2#"$p_app_dir/releases/"} ;;
    *) return 0 ;;
  esac
  p_rest=${p_rest%% (deleted)}
  echo "in $1 ${p_rest%%/*}"
}

# A NUL ends each entry, and a value may hold line ends: they are exchanged. Whatever is no NAME=value was written over it.
environ_of() {
  if ! true 2>/dev/null <"/proc/$1/environ"; then
    echo 'environ unreadable'
    return 0
  fi
  tr '\n\000' '\001\n' <"/proc/$1/environ" 2>/dev/null | {
    p_state=absent p_entries=0 p_given=
    while IFS= read -r p_line; do
      p_entries=$((p_entries + 1))
      p_name=${p_line%%=*}
      case $p_name in "$p_line" | '' | [0-9]* | *[!A-Za-z0-9_.%\(\)-]*) p_state=overwritten && break ;; esac
      [ "$p_name" = "$p_variable" ] || continue
      p_value=${p_line#*=}
      [ "$p_state" != value ] || [ "$p_given" = "$p_value" ] || p_state=twice
      [ "$p_state" = twice ] || p_state=value
      p_given=$p_value
    done
    [ "$p_state" = overwritten ] || [ -z "$p_line" ] || p_state=overwritten
    [ "$p_entries" -gt 0 ] || p_state=empty
    case $p_state in
      value) printf 'environ value %s\n' "$(printf '%.40s' "$p_given" | tr -c '[:print:]' '?')" ;;
      *) echo "environ $p_state" ;;
    esac
  }
}

process_of() {
  p_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  set -- "$1" ${p_stat##*) }
  case $2 in Z | X) return 0 ;; esac
  echo "process $1 ${21}"
  [ "$p_detail" = yes ] || return 0
  p_cwd=$(readlink "/proc/$1/cwd" 2>/dev/null) && release_in cwd "$p_cwd" || echo 'in cwd'
  p_exe=$(readlink "/proc/$1/exe" 2>/dev/null) && release_in exe "$p_exe"
  tr '\n\000' ' \n' <"/proc/$1/cmdline" 2>/dev/null | while IFS= read -r p_word; do
    release_in command "${p_word#*=}"
  done
  environ_of "$1"
}

# All processes of the unit's control group; where that cannot be seen, those that systemd gave its invocation to, or
# the main process and its descendants.
pids_of() {
  for p_root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    { [ -n "$p_cgroup" ] && [ -r "$p_root$p_cgroup/cgroup.procs" ]; } || continue
    cat "$p_root$p_cgroup/cgroup.procs" "$p_root$p_cgroup"/*/cgroup.procs "$p_root$p_cgroup"/*/*/cgroup.procs 2>/dev/null || true
    return 0
  done
  p_all=$p_main
  [ -z "$p_invocation" ] || p_all="$p_all $(grep -lsF "INVOCATION_ID=$p_invocation" /proc/[0-9]*/environ | cut -d / -f 3 | tr '\n' ' ')"
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v all="$p_all" '
    { pid = $1; sub(/^.*\) /, ""); parent[pid] = $2 }
    END {
      count = split(all, named, " ")
      for (each = 1; each <= count; each += 1) found[named[each]] = 1
      do {
        more = 0
        for (pid in parent) if (!(pid in found) && parent[pid] in found) { found[pid] = 1; more = 1 }
      } while (more)
      for (pid in found) print pid
    }'
}

# A unit's paragraph has ended: which processes run in it. Units are told in the order of the question.
end_unit() {
  echo "reads $p_reads"
  case " $p_detailed " in *" $1 "*) p_detail=yes ;; *) p_detail=no ;; esac
  for p_found in $(pids_of); do process_of "$p_found"; done
  p_main='' p_cgroup='' p_invocation='' p_reads=no
}

p_said=$(systemctl show $p_units --property=LoadState,ActiveState,SubState,Type,Result,MainPID,NRestarts,InvocationID,ControlGroup,ActiveEnterTimestamp,EnvironmentFiles,KillMode,TimeoutStopUSec </dev/null)
p_main='' p_cgroup='' p_invocation='' p_reads=no
set -- $p_units
echo "unit $1"
while IFS= read -r p_line; do
  case $p_line in
    '')
      end_unit "$1"
      shift
      [ $# -gt 0 ] || break
      echo "unit $1"
      ;;
    MainPID=0) ;;
    MainPID=*) p_main=${p_line#*=} ;;
    ControlGroup=*) p_cgroup=${p_line#*=} ;;
    InvocationID=*) p_invocation=${p_line#*=} ;;
    EnvironmentFiles=*)
      p_path=${p_line#*=}
      # Not in quotes: systemd takes patterns there. A path may hold blanks.
      p_ifs=$IFS IFS=
      for p_file in ${p_path% (ignore_errors=*}; do
        [ "$(readlink -f "$p_file" || true)" != "$p_env_real" ] || p_reads=yes
      done
      IFS=$p_ifs
      ;;
  esac
  [ -z "$p_line" ] || printf '%s\n' "$p_line"
done <<SAID
$p_said
SAID
[ $# -eq 0 ] || end_unit "$1"
