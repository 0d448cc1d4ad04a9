# shellcheck shell=sh
# Has systemd read its unit files again; running processes notice nothing.
systemctl daemon-reload
