# shellcheck shell=sh
# Part of every script: ends it with a reason that is a complete message, with what to do next.
refuse() {
  printf 'refused: %s\n' "$1" >&2
  exit 65
}
