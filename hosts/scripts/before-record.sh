# shellcheck shell=sh disable=SC2154
# Keeps what was there before a step's change ($p_value, if given), and prints what is kept. For nobody else's eyes.
p_folder="$p_lease_folder/before"
mkdir -p "$p_folder"
if [ -n "$p_forget" ]; then
  rm -f "$p_folder/$p_key"
  exit 0
fi
if [ -n "$p_value" ]; then
  umask 077
  printf '%s\n' "$p_value" >"$p_folder/.$p_key"
  sync "$p_folder/.$p_key"
  mv -f -T "$p_folder/.$p_key" "$p_folder/$p_key"
  sync "$p_folder"
fi
cat "$p_folder/$p_key" 2>/dev/null || true
