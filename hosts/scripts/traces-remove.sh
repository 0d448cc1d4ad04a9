# shellcheck shell=sh disable=SC2154
# Removes the folder that this program keeps on the host. The lock in it is held until the script ends: another run that
# waits for it finds a token of its own again.
rm -rf "$p_lease_folder"
