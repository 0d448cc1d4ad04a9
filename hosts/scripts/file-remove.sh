# shellcheck shell=sh disable=SC2154
# Removes a file when it still is what was read, and the folder that it leaves empty unless that is to stay.
# A link stays a link: what it points to is removed.
p_real=$(readlink -f "$p_file" || true)
[ -n "$p_real" ] && [ -e "$p_real" ] || exit 0
[ "$(sha256sum <"$p_real" | cut -d ' ' -f 1)" = "$p_expected" ] ||
  refuse "expected $p_file on $p_host as it was read, got another content: someone else writes it. Run again."
rm -f "$p_real"
[ -n "$p_keep_folder" ] || rmdir "$(dirname "$p_real")" 2>/dev/null || true
