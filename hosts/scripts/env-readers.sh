# shellcheck shell=sh disable=SC2154,SC2086
# Prints `unit <name>` for each unit of $p_units that has $p_file as an EnvironmentFile=, `later <path>` for each file
# that such a unit reads after it and that sets $p_variable too, and, where systemd reads it, `version <number>`.
p_real=$(readlink -f "$p_file" || printf %s "$p_file")
p_said=$(systemctl show $p_units --property=Id,EnvironmentFiles </dev/null)
p_blank_line='
'
p_seen=$p_asked
p_unit_seen=
set -- $p_units
IFS=$p_blank_line
while read -r p_line; do
  case $p_line in
    # A unit's lines are at their end.
    '') [ $# -le 1 ] || shift && p_unit_seen= ;;
    EnvironmentFiles=*)
      p_pattern=${p_line#EnvironmentFiles=}
      # Not in quotes: systemd takes patterns there.
      for p_each in ${p_pattern% (ignore_errors=*}; do
        if [ "$(readlink -f "$p_each" || true)" = "$p_real" ]; then
          [ -n "$p_unit_seen" ] || printf 'unit %s\n' "$1"
          p_seen=yes
          p_unit_seen=yes
        elif [ -n "$p_unit_seen" ] && grep -q "^[[:blank:]]*${p_variable}[[:blank:]]*=" "$p_each" 2>/dev/null; then
          printf 'later %s\n' "$p_each"
        fi
      done
      ;;
  esac
done <<SAID
$p_said
SAID
[ -z "$p_seen" ] || systemctl --version </dev/null | sed -n 's/^systemd \([0-9][0-9]*\).*/version \1/p'
