# shellcheck shell=sh disable=SC2154
# Brings a commit into releases/<commit>. The folder has its final name only once every tracked file is in it; while
# the configured installation runs in it (many write that path into what they install) a mark says that it is half.
umask 022
HOME=$(getent passwd "$(id -u)" | cut -d : -f 6)
export HOME
p_final="$p_app_dir/releases/$p_sha"
p_new="$p_app_dir/releases/.incoming-$p_sha"
p_gone="$p_app_dir/releases/.removed-$p_sha"
p_mark="$p_app_dir/.rollout/installing-$p_sha"
p_log="$p_app_dir/.rollout/install.log"
p_said="$p_scratch/said"
first_said() { grep . "$1" | head -n 2 | paste -s -d ' ' | cut -c 1-600; }
last_said() { grep . "$1" | tail -n 3 | paste -s -d ' ' | cut -c 1-600; }
take_away() {
  if [ -e "$p_final" ]; then
    rm -rf "$p_gone"
    mv -T "$p_final" "$p_gone"
  fi
  rm -f "$p_mark"
  rm -rf "$p_gone" "$p_new"
}
bring_commit() {
  [ -d "$p_kept" ] || git init --quiet --bare "$p_kept" 2>"$p_said" ||
    refuse "expected to keep a repository in $p_kept on $p_host, got: $(first_said "$p_said"). Mend that and run again."
  if ! kept cat-file -e "$p_sha^{commit}" 2>/dev/null; then
    # A server may not hand out a commit by its name; then all branches and tags are asked for.
    kept fetch --quiet --no-tags --no-write-fetch-head "$p_repository" "$p_sha" 2>/dev/null ||
      kept fetch --quiet --no-tags --no-write-fetch-head "$p_repository" '+refs/*:refs/fetched/*' 2>"$p_said" ||
      refuse "expected to fetch from $p_repository on $p_host, got: $(first_said "$p_said"). Mend that and run again."
  fi
  kept cat-file -e "$p_sha^{commit}" 2>/dev/null ||
    refuse "expected the commit $p_sha in $p_repository, got none (asked from $p_host). Push it, or correct the releases in the configuration."
  kept update-ref "refs/rollout/$p_sha" "$p_sha"
  if kept ls-tree -r "$p_sha" | grep -q '^160000 '; then
    refuse "expected $p_sha to hold all its files, got a submodule, which is not supported. Take it into the repository."
  fi
}
# Writes the files of the commit that differ into folder $1. $2 becomes the number of them.
write_files() {
  changed_files "$p_sha" "$1" >"$p_scratch/changed"
  p_count=$(wc -l <"$p_scratch/changed")
  kept --work-tree="$1" checkout-index --all --force --quiet 2>"$p_said" || true
  [ -z "$(changed_files "$p_sha" "$1" | head -n 1)" ] ||
    refuse "expected to write all files of $p_sha into $p_app_dir/releases on $p_host, got: $(first_said "$p_said"). Mend that (space, rights) and run again."
}

bring_commit
[ ! -e "$p_mark" ] || take_away
if [ -d "$p_final" ]; then
  write_files "$p_final"
  echo "repaired $p_count"
  exit 0
fi
trap 'rm -rf "$p_scratch" "$p_new"' EXIT
rm -rf "$p_new"
mkdir -p "$p_new" || refuse "expected to write in $p_app_dir/releases on $p_host, got no right or no space. Mend that and run again."
write_files "$p_new"
sync -f "$p_new"
if [ -n "$p_install" ]; then
  : >"$p_mark"
  sync "$p_app_dir/.rollout"
fi
mv -T "$p_new" "$p_final"
if [ -n "$p_install" ]; then
  eval "set -- $p_install"
  if ! (cd "$p_final" && "$@") >"$p_log" 2>&1 9>&-; then
    take_away
    refuse "expected deployment.install to end well on $p_host, got: $(last_said "$p_log"). The release was taken away again. All it said is in $p_log; mend it and run again."
  fi
  sync -f "$p_final"
  rm -f "$p_mark"
fi
sync "$p_app_dir/releases"
echo installed
