# shellcheck shell=sh disable=SC2154
# Part of the scripts that compare or fill a release's folder. Commits are kept in a repository of the host's own.
p_kept="$p_app_dir/.rollout/repository"
p_scratch=$(mktemp -d) || refuse "expected to write in /tmp on $p_host, got no right or no space. Mend that and run again."
trap 'rm -rf "$p_scratch"' EXIT
# Git LFS is not left to the host's own settings, which may be anything: its files are looked after below.
kept() {
  GIT_INDEX_FILE="$p_scratch/index" GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 \
    git -c filter.lfs.process= -c filter.lfs.smudge= -c filter.lfs.clean= -c filter.lfs.required=false \
    -c core.autocrlf=false -c core.hooksPath=/dev/null -c gc.auto=0 --git-dir="$p_kept" "$@" 9>&-
}
# Files of commit $1 with a line like $2, whatever the attributes are (they may call it binary), by their bare names.
files_with() { kept grep -a -l -z -e "$2" "$1" 2>/dev/null | tr '\000' '\n' | cut -d : -f 2-; }
# Files of commit $1 that Git LFS keeps elsewhere, told by what they say: "oid size path".
lfs_files() {
  files_with "$1" '^version https://git-lfs.github.com/spec/v1$' |
    while IFS= read -r p_path; do
      p_pointer=$(kept cat-file -p "$1:$p_path" 2>/dev/null | head -c 1024 | tr -d '\000')
      case $p_pointer in 'version https://git-lfs.github.com/spec/v1'*) ;; *) continue ;; esac
      p_oid=$(printf '%s\n' "$p_pointer" | sed -n 's/^oid sha256:\([0-9a-f]*\)$/\1/p')
      p_size=$(printf '%s\n' "$p_pointer" | sed -n 's/^size \([0-9]*\)$/\1/p')
      if [ "${#p_oid}" -eq 64 ] && [ -n "$p_size" ]; then echo "$p_oid $p_size $p_path"; fi
    done
}
# Those of them, of the commit that $p_scratch/lfs was made of, whose content in folder $1 is another.
changed_lfs() {
  while read -r p_oid p_size p_path; do
    if [ "$(stat -c %s "$1/$p_path" 2>/dev/null || :)" = "$p_size" ]; then
      case $(sha256sum <"$1/$p_path") in "$p_oid"*) continue ;; esac
    fi
    printf '%s\n' "$p_path"
  done <"$p_scratch/lfs"
}
# The index is one of ours for this run. What Git LFS keeps is none of git's business there.
read_index() {
  rm -f "$p_scratch/index"
  kept read-tree "$1"
  lfs_files "$1" >"$p_scratch/lfs"
  cut -d ' ' -f 3- "$p_scratch/lfs" | kept --work-tree="$2" update-index --force-remove --stdin
}
# Tracked files of folder $2 that differ from commit $1, one a line. What an installation or a run added is not looked at.
changed_files() {
  read_index "$1" "$2"
  kept --work-tree="$2" update-index -q --refresh >/dev/null 2>&1 || true
  kept --work-tree="$2" -c core.quotePath=true diff-files --name-only
  changed_lfs "$2"
}
