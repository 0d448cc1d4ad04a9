# shellcheck shell=sh disable=SC2154
# Prints the last lines of a unit's journal since $p_since (seconds since 1970), or why there are none.
p_lines=$(journalctl -u "$p_unit" --since "@$p_since" -n 10 --no-pager -o cat </dev/null 2>/dev/null | grep -v '^-- ' || true)
if [ -n "$p_lines" ]; then
  printf '%s\n' "$p_lines" | tail -c 4096
elif command -v journalctl >/dev/null; then
  echo 'nothing in its journal that this user may read'
else
  echo 'no journalctl to read its journal with'
fi
