# shellcheck shell=sh disable=SC2154
# Removes a file when it still is what was read, and the folder that it leaves empty.
[ -e "$p_file" ] || exit 0
[ "$(sha256sum <"$p_file" | cut -d ' ' -f 1)" = "$p_expected" ] ||
  refuse "expected $p_file on $p_host as it was read, got another content: someone else writes it. Run again."
rm -f "$p_file"
rmdir "$(dirname "$p_file")" 2>/dev/null || true
