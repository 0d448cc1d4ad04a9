# shellcheck shell=sh disable=SC2154
# Part of the scripts that compare or fill a release's folder. Commits are kept in a repository of the host's own.
p_kept="$p_app_dir/.rollout/repository"
p_scratch=$(mktemp -d) || refuse "expected to write in /tmp on $p_host, got no right or no space. Mend that and run again."
trap 'rm -rf "$p_scratch"' EXIT
kept() {
  GIT_INDEX_FILE="$p_scratch/index" GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 \
    git -c core.autocrlf=false -c core.hooksPath=/dev/null -c gc.auto=0 --git-dir="$p_kept" "$@" 9>&-
}
# Tracked files of folder $2 that differ from commit $1, one a line. What an installation or a run added is not looked at.
changed_files() {
  rm -f "$p_scratch/index"
  kept read-tree "$1"
  kept --work-tree="$2" update-index -q --refresh >/dev/null 2>&1 || true
  kept --work-tree="$2" -c core.quotePath=true diff-files --name-only
}
