# shellcheck shell=sh disable=SC2154,SC2086
# Prints what systemd says of the units in $p_units, a paragraph each, in their order. Unit names need no quotes.
export TZ=UTC
systemctl show $p_units --property=LoadState,ActiveState,SubState,MainPID,ActiveEnterTimestamp,KillMode,FragmentPath,TimeoutStopUSec </dev/null
