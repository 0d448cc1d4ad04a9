# shellcheck shell=sh disable=SC2154
# Prints whether this program keeps a folder on the host, the highest token it has seen, and each record of what was there before a step.
cd "$p_app_dir" 2>/dev/null || refuse "expected the folder $p_app_dir on $p_host, got none. Correct hosts[].appDir."
[ -d .rollout ] || exit 0
echo "folder $(du -sk .rollout | cut -f 1)"
p_token=$(cat .rollout/token 2>/dev/null || true)
# Another content is told, with its remedy, by what changes the host.
case $p_token in '' | *[!0-9]*) ;; *) echo "token $p_token" ;; esac
for p_record in .rollout/before/*; do
  [ ! -f "$p_record" ] || echo "before ${p_record##*/}"
done
