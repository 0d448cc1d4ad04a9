import { createServer, type Server, Socket } from "node:net";

/**
 * A stand-in for PgBouncer in its transaction mode, as far as we can tell it from a server: it announces process ids
 * of its own (message `K`) and passes everything else on.
 */
export function makePooler(port: number): Server {
  return createServer((client) => {
    const upstream = new Socket().connect(port, "127.0.0.1");
    client.pipe(upstream);
    upstream.on("data", (data) => {
      const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) data.writeInt32BE(4711, at + 5);
      client.write(data);
    });
    client.on("close", () => upstream.destroy());
    for (const socket of [client, upstream]) socket.on("error", () => undefined);
  });
}
