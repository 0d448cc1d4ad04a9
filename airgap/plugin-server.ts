import grpc from "@grpc/grpc-js";

/** What a plugin process brings along: its services, and what has to end before it does. */
export interface Plugin {
  register(server: grpc.Server): void;
  /** Ends what is under way. */
  stop(): void;
  /** True while something is under way. */
  busy(): boolean;
}

/** The engine hands over properties and stdout of any size: gRPC's default of 4 MiB is too small. */
export const UNLIMITED: grpc.ChannelOptions = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
};

/** Address of the engine's own service: the only argument that is not an option. */
export function engineAddress(argv: readonly string[] = process.argv.slice(2)): string | undefined {
  return argv.find((argument) => !argument.startsWith("-"));
}

function bind(server: grpc.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

/** An engine killed by -9 says no goodbye: what is under way is ended, as by a cancel, and then this process. */
function watchEngine({ stop, busy }: Plugin): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    stop();
    if (!busy()) process.exit(0);
  }, 500).unref();
}

/**
 * Serves the plugin on a free loopback port and prints that port on stdout, which is how the engine finds it.
 * Ends on SIGINT, on SIGTERM, and when the engine is gone.
 */
export async function servePlugin(plugin: Plugin): Promise<void> {
  const server = new grpc.Server(UNLIMITED);
  plugin.register(server);
  const port = await bind(server);
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    plugin.stop();
    server.tryShutdown(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  watchEngine(plugin);
  process.stdout.write(`${port}\n`);
}
