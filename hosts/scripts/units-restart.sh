# shellcheck shell=sh disable=SC2154
# Restarts the units in $p_units one after the other, and prints the host's clock from before the first.
# A unit that has failed too often would refuse to be started: that count begins anew.
date -u +%Y-%m-%dT%H:%M:%SZ
for p_unit in $p_units; do
  systemctl reset-failed "$p_unit" 2>/dev/null || true
  systemctl restart "$p_unit" 9>&- ||
    refuse "expected $p_unit on $p_host to start again, got a failure of systemctl restart. Look at: journalctl -u $p_unit -n 50"
done
