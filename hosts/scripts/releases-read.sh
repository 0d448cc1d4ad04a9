# shellcheck shell=sh disable=SC2154
# Prints where `current` points, each release with its age and whether its installation ended, and for the commits in
# $p_check whether the tracked files are what the commit has.
cd "$p_app_dir" 2>/dev/null || refuse "expected the folder $p_app_dir on $p_host, got none. Correct hosts[].appDir."
if [ -L current ]; then
  echo "current $(readlink current)"
elif [ -e current ]; then
  echo "current-is no link"
fi
for p_folder in releases/*; do
  p_sha=${p_folder##*/}
  case $p_sha in *[!0-9a-f]*) continue ;; esac
  if [ "${#p_sha}" -ne 40 ] || [ ! -d "$p_folder" ]; then continue; fi
  p_state=whole
  [ ! -e ".rollout/installing-$p_sha" ] || p_state=half
  echo "release $p_sha $p_state $(stat -c %Y "$p_folder")"
done
for p_sha in $p_check; do
  [ -d "releases/$p_sha" ] || continue
  kept cat-file -e "$p_sha^{commit}" 2>/dev/null || continue
  changed_files "$p_sha" "$p_app_dir/releases/$p_sha" >"$p_scratch/changed"
  echo "compared $p_sha $(wc -l <"$p_scratch/changed") $(head -n 1 "$p_scratch/changed")"
done
