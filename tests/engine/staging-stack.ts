import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Checkout } from "./checkout.ts";

type Settings = Record<string, unknown>;

const PREFIX = "deal-type-rollout:";

/** A stack of a checkout whose target is named by its configuration, as a real one's is. */
export class StagingStack {
  readonly name = "staging";
  readonly #checkout: Checkout;
  readonly #valid: Settings;
  readonly #secrets = new Map<string, unknown>();

  private constructor(checkout: Checkout, valid: Settings) {
    this.#checkout = checkout;
    this.#valid = valid;
  }

  /** Makes the stack, with a backend in the checkout. Its target is the checkout's sandbox until `write` says else. */
  static async make(checkout: Checkout): Promise<StagingStack> {
    const own = join(checkout.folder, ".rollout", "staging");
    mkdirSync(join(own, "state"), { recursive: true });
    checkout.environment = {
      PULUMI_BACKEND_URL: `file://${join(own, "state")}`,
      PULUMI_HOME: join(own, "home"),
      PULUMI_CONFIG_PASSPHRASE: "a passphrase",
    };
    const text = readFileSync(join(checkout.folder, "Pulumi.sandbox.yaml"), "utf8");
    const { config } = parse(text) as { config: Settings };
    const own_ = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.slice(PREFIX.length), value]),
    );
    const { database, app } = await checkout.sandboxUrl();
    const services = [{ unit: "diligence-web", kind: "web" }];
    const hosts = [{ name: "host-1", appDir: "/srv/app", envFile: "/srv/app/.env", services }];
    const target = { environment: "staging", databaseUrl: database, app: { url: app }, hosts };
    const stack = new StagingStack(checkout, { ...own_, ...target });
    await checkout.rollout("stack", "init", stack.name);
    return stack;
  }

  /** Writes the stack's file: a valid configuration with some keys changed, or left out where `undefined`. */
  async write(changed: Settings): Promise<void> {
    const settings = Object.entries({ ...this.#valid, ...changed }).filter(
      ([, value]) => value !== undefined,
    );
    await this.writeOnly(Object.fromEntries(settings));
  }

  /** Writes the stack's file with nothing but these keys. */
  async writeOnly({ databaseUrl, ...settings }: Settings): Promise<void> {
    const { encryptionsalt } = this.#read();
    const secret = databaseUrl === undefined ? {} : { databaseUrl: await this.#encrypt(String(databaseUrl)) };
    const all = Object.entries({ ...settings, ...secret });
    const config = Object.fromEntries(all.map(([key, value]) => [PREFIX + key, value]));
    writeFileSync(this.#file, stringify({ encryptionsalt, config }));
  }

  get #file(): string {
    return join(this.#checkout.folder, `Pulumi.${this.name}.yaml`);
  }

  #read(): { encryptionsalt: string; config: Settings } {
    return parse(readFileSync(this.#file, "utf8"));
  }

  /** A secret as Pulumi writes it into the file; asked of Pulumi once for each value. */
  async #encrypt(value: string): Promise<unknown> {
    const known = this.#secrets.get(value);
    if (known !== undefined) return known;
    await this.#checkout.rollout("config", "set", "--secret", "databaseUrl", value, "--stack", this.name);
    const secret = this.#read().config[`${PREFIX}databaseUrl`];
    this.#secrets.set(value, secret);
    return secret;
  }

  /** A value of the valid configuration, to be changed in a place of it. */
  valid<T>(key: string): T {
    return structuredClone(this.#valid[key]) as T;
  }
}

/** What a refused run may not have left: names of all files below evidence, backups and reports. */
export function traces(checkout: Checkout): string[] {
  return ["evidence", "backups", "reports"].flatMap((name) => {
    try {
      return readdirSync(join(checkout.folder, name), { recursive: true }).map((file) => `${name}/${file}`);
    } catch {
      return [];
    }
  });
}

/** Listens on a port of its own, or the given one. */
export function listen(server: Server, port = 0): Promise<number> {
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

/** Takes connections and never says a word: a firewall that drops packets, without a network. */
export function makeBlackHole(): Server {
  return createServer((socket) => void socket.on("error", () => undefined));
}
