import { execa } from "execa";
import type { Host } from "../config/target.ts";

const VARIABLE = "DEAL_TYPE_AWARENESS";

/** What an operator types on each host in turn: the line, the restarts, and /health until everyone says so. */
const SCRIPT = `set -eu
says() { node -e 'fetch(process.argv[1]).then((r) => r.json()).then((h) => console.log(h.pid + " " + h.flag))' "$1"; }
while read -r path file units; do
  sed -i "s/^${VARIABLE}=.*/${VARIABLE}=$1/" "$file"
  for unit in $units; do PATH="$path:$PATH" systemctl restart "\${unit%%=*}"; done
  for unit in $units; do
    until says "\${unit#*=}" | grep -q " $1$"; do sleep 0.1; done
  done
done`;

const lineOf = ({ path, envFile, services }: Host) =>
  [path, envFile, ...services.map(({ unit, health }) => `${unit}=${health}`)].join(" ");

/** Sets the flag as one would without this program: host after host, by sed, systemctl and a look at /health. */
export const byHand = (hosts: readonly Host[], value: boolean) =>
  execa("sh", ["-c", SCRIPT, "by-hand", String(value)], { input: `${hosts.map(lineOf).join("\n")}\n` });
