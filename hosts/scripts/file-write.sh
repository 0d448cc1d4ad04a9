# shellcheck shell=sh disable=SC2154
# Replaces a file by one rename when it still is what was read (`missing` for none), and keeps its mode and owner.
# A link stays a link: what it points to is replaced.
[ -z "$p_make_folder" ] || mkdir -p "$(dirname "$p_file")"
p_real=$(readlink -f "$p_file" || true)
[ -n "$p_real" ] || refuse "expected the folder of $p_file on $p_host, got none. Make it, or correct the path."
p_folder=$(dirname "$p_real")
digest() {
  if [ -e "$p_real" ]; then sha256sum <"$p_real" | cut -d ' ' -f 1; else echo missing; fi
}
changed="expected $p_file on $p_host as it was read, got another content: someone else writes it. Run again."
[ "$(digest)" = "$p_expected" ] || refuse "$changed"
umask 077
p_new=$(mktemp "$p_folder/.rollout-XXXXXX" 2>/dev/null) ||
  refuse "expected to write in $p_folder on $p_host, got no right or no space. Mend that and run again."
trap 'rm -f "$p_new"' EXIT
if [ -e "$p_real" ]; then
  # First a copy of all that belongs to the file: mode, owner, access lists, labels.
  cp --preserve=all "$p_real" "$p_new"
  [ "$(stat -c '%a %u:%g' "$p_new")" = "$(stat -c '%a %u:%g' "$p_real")" ] ||
    refuse "expected to keep $(stat -c 'mode %a and owner %U:%G' "$p_real") of $p_file on $p_host, got no right to. Run as that owner or as root."
else
  chmod "$p_mode" "$p_new"
fi
printf %s "$p_content" | base64 -d >"$p_new"
sync "$p_new"
p_wanted=$(sha256sum <"$p_new")
[ "$(digest)" = "$p_expected" ] || refuse "$changed"
mv -f -T "$p_new" "$p_real"
sync "$p_folder"
[ "$(sha256sum <"$p_real")" = "$p_wanted" ] || refuse "$changed"
