# shellcheck shell=sh disable=SC2154
# Points `current` at a release by one rename, if it still points where it was read ($p_expected, empty for nowhere).
cd "$p_app_dir" || exit
if [ ! -d "releases/$p_to" ] || [ -e ".rollout/installing-$p_to" ]; then
  refuse "expected the release $p_to in $p_app_dir/releases on $p_host, got none that is whole. Install it there first."
fi
if [ -e current ] && [ ! -L current ]; then
  refuse "expected $p_app_dir/current on $p_host to be a link, got a folder or file. Move it to releases/<commit> and link it."
fi
[ "$(readlink current || true)" = "$p_expected" ] ||
  refuse "expected $p_app_dir/current on $p_host as it was read, got another target: someone else switches it. Run again."
rm -f .rollout/current.next
ln -s "releases/$p_to" .rollout/current.next
mv -f -T .rollout/current.next current
sync .
