# shellcheck shell=sh disable=SC2154,SC2086
# Prints `unit <name>` for each unit of $p_units that has $p_file as an EnvironmentFile=, `later <path>` for each file
# that such a unit reads after it and that sets $p_variable too, `own <name>` for a unit without it that has the variable
# from elsewhere, and, where systemd reads it, `version <number>`. Of what counts more than a drop-in of ours, $p_ours:
# `over <path>` for another environment file or a later drop-in. `unset <name>` for a unit that takes the variable away.
p_real=$(readlink -f "$p_file" || printf %s "$p_file")
p_said=$(systemctl show $p_units --property=Id,Environment,EnvironmentFiles,UnsetEnvironment,DropInPaths </dev/null)
p_line_end='
'
p_seen=$p_asked
p_reads='' p_sets=''

sets_variable() { grep -q "^[[:blank:]]*${p_variable}[[:blank:]]*=" "$1" 2>/dev/null; }

# Whether a drop-in is read after ours and gives the variable another value, or clears all of them.
counts_more() {
  [ "$(printf '%s\n%s\n' "${1##*/}" "$p_ours" | LC_ALL=C sort | tail -n 1)" != "$p_ours" ] &&
    grep -q -e "^[[:blank:]]*Environment[[:blank:]]*=[[:blank:]]*$" \
      -e "^[[:blank:]]*Environment[[:blank:]]*=\(.*[[:blank:]\"']\)\{0,1\}$p_variable=" "$1" 2>/dev/null
}

# A unit's lines are at their end.
end_unit() {
  if [ -n "$p_reads" ]; then
    printf 'unit %s\n' "$1"
    p_seen=yes
  elif [ -n "$p_sets" ]; then
    printf 'own %s\n' "$1"
  fi
  p_reads='' p_sets=''
}

set -- $p_units
IFS=$p_line_end
while read -r p_line; do
  case $p_line in
    '')
      end_unit "$1"
      [ $# -le 1 ] || shift
      ;;
    Environment="$p_variable"=* | Environment=*[\ \"]"$p_variable"=*) p_sets=yes ;;
    UnsetEnvironment="$p_variable" | UnsetEnvironment="$p_variable"[\ =]* | UnsetEnvironment=*\ "$p_variable" | UnsetEnvironment=*\ "$p_variable"[\ =]*)
      printf 'unset %s\n' "$1"
      ;;
    DropInPaths=*)
      for p_each in $(printf '%s' "${p_line#DropInPaths=}" | tr ' ' '\n'); do
        if counts_more "$p_each"; then printf 'over %s\n' "$p_each"; fi
      done
      ;;
    EnvironmentFiles=*)
      p_pattern=${p_line#EnvironmentFiles=}
      # Not in quotes: systemd takes patterns there.
      for p_each in ${p_pattern% (ignore_errors=*}; do
        if [ "$(readlink -f "$p_each" || true)" = "$p_real" ]; then
          p_reads=yes
        elif sets_variable "$p_each"; then
          p_sets=yes
          printf 'over %s\n' "$p_each"
          [ -z "$p_reads" ] || printf 'later %s\n' "$p_each"
        fi
      done
      ;;
  esac
done <<SAID
$p_said

SAID
[ -z "$p_seen" ] || systemctl --version </dev/null | sed -n 's/^systemd \([0-9][0-9]*\).*/version \1/p'
