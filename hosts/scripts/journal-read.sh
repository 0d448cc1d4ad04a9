# shellcheck shell=sh disable=SC2154
# Prints the last lines of a unit's journal since $p_since (seconds since 1970), or why there are none: first what systemd
# says of it, then the unit's own words, which hold the reason and must not be pushed out by the others.
read_journal() {
  journalctl "$@" --since "@$p_since" --no-pager -o cat </dev/null 2>/dev/null | grep -v '^-- ' || true
}
# _PID=1 is systemd itself; what the unit's processes print has another.
p_said=$(read_journal -u "$p_unit" -n 100 _PID=1 | tail -n 3)
p_own=$(read_journal "_SYSTEMD_UNIT=$p_unit" "+" "_SYSTEMD_UNIT=$p_unit.service" -n 10)
if [ -n "$p_said$p_own" ]; then
  printf '%s\n' "$p_said" "$p_own" | grep . | tail -c 4096
elif command -v journalctl >/dev/null; then
  echo 'nothing in its journal that this user may read'
else
  echo 'no journalctl to read its journal with'
fi
