# shellcheck shell=sh disable=SC2154
# Prints a file: `mode`, `owner`, then its content in base64; or `missing`.
p_real=$(readlink -f "$p_file" || true)
if [ -n "$p_needs_folder" ] && [ -z "$p_real" ]; then
  refuse "expected the folder of $p_file on $p_host, got none. Make it, or correct the path."
fi
if [ -z "$p_real" ] || [ ! -e "$p_real" ]; then
  echo missing
  exit 0
fi
[ -f "$p_real" ] || refuse "expected a file at $p_file on $p_host, got something else. Correct its path in the configuration."
[ -r "$p_real" ] || refuse "expected to read $p_file on $p_host, got no right to. Give it to this user."
stat -c 'mode %a
owner %u:%g' "$p_real"
printf 'content '
base64 -w 0 <"$p_real"
echo
