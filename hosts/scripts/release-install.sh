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
# The end of what a program said, on one line: its reason stands last, after notes and traces.
last_said() { grep . "$1" | tail -n 6 | paste -s -d ' ' | tail -c 600; }
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
    refuse "expected to keep a repository in $p_kept on $p_host, got: $(last_said "$p_said"). Mend that and run again."
  if ! kept cat-file -e "$p_sha^{commit}" 2>/dev/null; then
    # A server may not hand out a commit by its name; then all branches and tags are asked for.
    kept fetch --quiet --no-tags --no-write-fetch-head "$p_repository" "$p_sha" 2>/dev/null ||
      kept fetch --quiet --no-tags --no-write-fetch-head "$p_repository" '+refs/*:refs/fetched/*' 2>"$p_said" ||
      refuse "expected to fetch from $p_repository on $p_host, got: $(last_said "$p_said"). Mend that and run again."
  fi
  kept cat-file -e "$p_sha^{commit}" 2>/dev/null ||
    refuse "expected the commit $p_sha in $p_repository, got none (asked from $p_host). Push it, or correct the releases in the configuration."
  kept update-ref "refs/rollout/$p_sha" "$p_sha"
  p_submodules=$(kept ls-tree -r "$p_sha" | sed -n 's/^160000 commit [0-9a-f]*\t//p' | head -n 3 | paste -s -d ' ')
  [ -z "$p_submodules" ] ||
    refuse "expected $p_sha to hold all its files, got a submodule, which is not supported: $p_submodules. Take it into the repository."
  refuse_annex
  refuse_filters
}
# What git-annex keeps elsewhere is a link into a repository, or a file that says where in it.
refuse_annex() {
  p_annexed=$({
    kept ls-tree -r "$p_sha" | sed -n 's/^120000 blob \([0-9a-f]*\)\t/\1 /p' | kept cat-file --batch='%(rest)' |
      awk '{ path = $0; getline; if ($0 ~ /(^|\/)\.git\/annex\/objects\//) print path }'
    files_with "$p_sha" '^/annex/objects/[A-Z0-9]*-' | while IFS= read -r p_path; do
      case $(kept cat-file -p "$p_sha:$p_path" | head -c 15 | tr -d '\000') in /annex/objects/*) echo "$p_path" ;; esac
    done
  } | head -n 3 | paste -s -d ' ')
  [ -z "$p_annexed" ] ||
    refuse "expected $p_sha to hold all its files, got some that git-annex keeps elsewhere: $p_annexed. Take them into the repository, or into Git LFS."
}
# A filter that is not set up here leaves what it makes: a secret as its cipher, a notebook without its parts.
refuse_filters() {
  rm -f "$p_scratch/index"
  kept read-tree "$p_sha"
  kept ls-files | kept check-attr --cached --stdin filter | sed -n 's/^\(.*\): filter: \(.*\)$/\2 \1/p' |
    grep -v -e '^unspecified ' -e '^unset ' -e '^set ' -e '^lfs ' | sort -u -k1,1 >"$p_scratch/filters" || :
  while read -r p_filter p_path; do
    [ -z "$(kept config --get "filter.$p_filter.smudge" || :)$(kept config --get "filter.$p_filter.process" || :)" ] || continue
    refuse "expected the git filter $p_filter, which $p_path of $p_sha passes through, to be set up for $(id -un) on $p_host, got none. Set it up there (git config filter.$p_filter.smudge), or take the file into the repository as it is."
  done <"$p_scratch/filters"
}
lfs_object() { echo "$p_kept/lfs/objects/$(echo "$1" | cut -c 1-2)/$(echo "$1" | cut -c 3-4)/$1"; }
# What Git LFS keeps elsewhere, once; an installed release needs it no more than the commit.
fetch_lfs() {
  lfs_files "$p_sha" >"$p_scratch/lfs"
  p_lacks=
  while read -r p_oid p_size p_path; do
    [ -f "$(lfs_object "$p_oid")" ] || p_lacks="${p_lacks:+$p_lacks, }$p_path ($p_size bytes)"
  done <"$p_scratch/lfs"
  [ -n "$p_lacks" ] || return 0
  p_lacks=$(echo "$p_lacks" | cut -c 1-300)
  command -v git-lfs >/dev/null 2>&1 ||
    refuse "expected $p_sha to hold all its files, got pointers of Git LFS: $p_lacks. Install git-lfs on $p_host, or take the files into the repository."
  kept -c "remote.origin.url=$p_repository" lfs fetch origin "$p_sha" >"$p_said" 2>&1 </dev/null ||
    refuse "expected to fetch $p_lacks from Git LFS on $p_host, got: $(last_said "$p_said"). Mend that and run again."
  while read -r p_oid p_size p_path; do
    [ -f "$(lfs_object "$p_oid")" ] ||
      refuse "expected Git LFS to have $p_path ($p_size bytes) of $p_sha, got none (asked from $p_host). Push it: git lfs push --all."
  done <"$p_scratch/lfs"
}
# Writes what Git LFS keeps and is another in folder $1, each by one rename.
write_lfs() {
  changed_lfs "$1" >"$p_scratch/wrong"
  while read -r p_oid p_size p_path; do
    grep -q -x -F -e "$p_path" "$p_scratch/wrong" || continue
    p_mode=$(kept ls-tree "$p_sha" -- "$p_path" | cut -c 4-6)
    mkdir -p "$(dirname "$1/$p_path")"
    # What could not be written is found by who looks whether all of them are right.
    if cp "$(lfs_object "$p_oid")" "$1/$p_path.incoming" 2>"$p_said" && chmod "$p_mode" "$1/$p_path.incoming"; then
      mv -f -T "$1/$p_path.incoming" "$1/$p_path"
    fi
  done <"$p_scratch/lfs"
}
# Writes the files of the commit that differ into folder $1. $2 becomes the number of them.
write_files() {
  changed_files "$p_sha" "$1" >"$p_scratch/changed"
  p_count=$(wc -l <"$p_scratch/changed")
  kept --work-tree="$1" checkout-index --all --force --quiet 2>"$p_said" || true
  write_lfs "$1"
  [ -z "$(changed_files "$p_sha" "$1" | head -n 1)" ] ||
    refuse "expected to write all files of $p_sha into $p_app_dir/releases on $p_host, got: $(last_said "$p_said"). Mend that (space, rights) and run again."
}

bring_commit
fetch_lfs
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
