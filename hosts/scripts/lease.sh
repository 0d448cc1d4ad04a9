# shellcheck shell=sh disable=SC2154
# Part of every script that changes something: one at a time on a host, and none of a run that another has overtaken.
# The lock is on descriptor 9 and ends with the script; what a script starts for long must not inherit it (9>&-).
if [ ! -d "$p_lease_folder" ]; then
  mkdir "$p_lease_folder" 2>/dev/null || [ -d "$p_lease_folder" ] ||
    refuse "expected to make the folder $p_lease_folder on $p_host, got no right to, or no folder around it. Correct hosts[].appDir, or give it to this user."
fi
exec 9>>"$p_lease_folder/lock"
flock -w "$p_lock_seconds" 9 ||
  refuse "expected the lock $p_lease_folder/lock on $p_host within $p_lock_seconds s, got none: another run is at work there. Wait for it and run again."
rollout_seen=$(cat "$p_lease_folder/token" 2>/dev/null || echo 0)
case $rollout_seen in
  '' | *[!0-9]*) refuse "expected a number in $p_lease_folder/token on $p_host, got something else. Remove that file if no other run is at work." ;;
esac
[ "$p_token" -ge "$rollout_seen" ] ||
  refuse "expected no later run on $p_host than record $p_token, got $rollout_seen: another run, or another evidence store, has taken over. Run from the newest evidence; only if that is lost, remove $p_lease_folder/token."
if [ "$p_token" -gt "$rollout_seen" ]; then
  printf '%s\n' "$p_token" >"$p_lease_folder/token.new"
  sync "$p_lease_folder/token.new"
  mv -f "$p_lease_folder/token.new" "$p_lease_folder/token"
fi
