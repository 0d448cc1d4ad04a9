# shellcheck shell=sh disable=SC2154
# Runs a configured command; its words come quoted.
eval "set -- $p_words"
"$@" 9>&- >&2
