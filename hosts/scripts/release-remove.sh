# shellcheck shell=sh disable=SC2154
# Removes releases that nobody needs; never the one that `current` points at.
cd "$p_app_dir" || exit
p_current=$(readlink current || true)
for p_sha in $p_shas; do
  [ "${p_current##*/}" != "$p_sha" ] || continue
  [ -d "releases/$p_sha" ] || continue
  rm -rf "releases/.removed-$p_sha"
  mv -T "releases/$p_sha" "releases/.removed-$p_sha"
  rm -rf "releases/.removed-$p_sha"
done
