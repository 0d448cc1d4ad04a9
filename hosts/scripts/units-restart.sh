# shellcheck shell=sh disable=SC2154
# Restarts the units in $p_units one after the other, and prints the host's clock from before the first.
# $p_go_on: "yes" where one that does not start keeps none of the others from it: `failed <unit> <what systemctl said>`.
# A unit that has failed too often would refuse to be started: that count begins anew.
date -u +%Y-%m-%dT%H:%M:%SZ
for p_unit in $p_units; do
  systemctl reset-failed "$p_unit" 2>/dev/null || true
  if ! p_said=$(systemctl restart "$p_unit" 2>&1 >/dev/null 9>&-); then
    p_said=$(printf '%s' "$p_said" | head -n 1 | cut -c 1-200)
    [ "$p_go_on" = yes ] ||
      refuse "expected $p_unit on $p_host to start again, got a failure of systemctl restart${p_said:+ ($p_said)}. Look at: journalctl -u $p_unit -n 50"
    echo "failed $p_unit $p_said"
  fi
done
