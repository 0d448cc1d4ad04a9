# shellcheck shell=sh disable=SC2154,SC2086
# Prints what systemd says of the units in $p_units, a paragraph each. The words of unit names need no quotes.
export TZ=UTC
for p_unit in $p_units; do
  echo "Unit=$p_unit"
  systemctl show "$p_unit" --property=LoadState,ActiveState,SubState,MainPID,ActiveEnterTimestamp,KillMode,FragmentPath </dev/null
  echo
done
