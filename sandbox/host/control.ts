import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { z } from "zod";
import type { HostUnits } from "./host-units.ts";
import { type Answer, runSystemctl } from "./systemctl.ts";

const Argv = z.array(z.string());

/**
 * Does what `systemctl` asks over a local socket in the host's folder: a list of arguments in, what to print and the
 * exit code out. A job goes on when whoever asked for it is gone, as with systemd.
 */
export async function listenForCommands(path: string, units: HostUnits): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    void answer(socket, units);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

async function answer(socket: Socket, units: HostUnits): Promise<void> {
  const reply = await readArgv(socket)
    .then((argv) => runSystemctl(argv, units))
    .catch((error: Error): Answer => ({ stdout: "", stderr: `systemctl: ${error.message}\n`, exitCode: 1 }));
  socket.end(JSON.stringify(reply));
}

/** By events: to iterate over the socket would close it before the answer. */
async function readArgv(socket: Socket): Promise<string[]> {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(socket, "end");
  return Argv.parse(JSON.parse(text));
}
