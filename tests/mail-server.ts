import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { SmtpSection } from "../config/mail.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A message that the server took, or was given before it broke off. */
export interface Received {
  to: string;
  raw: string;
  /** Number of the connection that it came over. */
  connection: number;
}

/** What the server does with one recipient's message; by default it takes it. */
export interface Behaviour {
  /** Refusal of RCPT TO as long as it gives one, e.g. `550 no such user`. */
  rcpt?(to: string): string | undefined;
  /** Answer to the message: a refusal, `drop` for a connection that ends without one, or something to wait for. */
  data?(received: Received): string | undefined | Promise<string | undefined>;
  login?: { user: string; password: string };
}

const replyError = (reply: string) =>
  Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });

/** A certificate for 127.0.0.1 and localhost that nobody signed but its own key. */
export function selfSigned(): { key: Buffer; cert: Buffer; ca: string } {
  const folder = temporaryFolder("certificate");
  const [key, ca] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const argv = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  argv.push("-keyout", key, "-out", ca, "-days", "2", "-subj", "/CN=localhost", "-addext", names);
  execFileSync("openssl", argv, { stdio: "ignore" });
  return { key: readFileSync(key), cert: readFileSync(ca), ca };
}

/** A real SMTP server on a free loopback port. */
export class MailServer {
  readonly received: Received[] = [];
  /** Recipients of every RCPT TO, in order. */
  readonly asked: string[] = [];
  connections = 0;
  behaviour: Behaviour;
  readonly #server: SMTPServer;

  constructor(behaviour: Behaviour = {}, options: SMTPServerOptions = {}) {
    this.behaviour = behaviour;
    this.#server = new SMTPServer({
      ...{ authOptional: behaviour.login === undefined, disabledCommands: options.key ? [] : ["STARTTLS"] },
      ...{ allowInsecureAuth: true, logger: false, closeTimeout: 100 },
      onConnect: (_, done) => {
        this.connections += 1;
        done();
      },
      onAuth: ({ username, password }, _, done) => {
        const { login } = this.behaviour;
        if (username === login?.user && password === login?.password) done(null, { user: username });
        // As servers should not: the refusal repeats what it was told.
        else done(replyError(`535 bad login ${username} ${password}`));
      },
      onRcptTo: ({ address }, _, done) => {
        this.asked.push(address);
        const refusal = this.behaviour.rcpt?.(address);
        done(refusal === undefined ? null : replyError(refusal));
      },
      onData: (stream, session, done) => void this.#take(stream, session, done),
      ...options,
    });
    this.#server.on("error", () => undefined);
  }

  async #take(
    stream: NodeJS.ReadableStream,
    session: { id: string; envelope: { rcptTo: { address: string }[] } },
    done: (error?: Error | null) => void,
  ) {
    const to = session.envelope.rcptTo[0]?.address ?? "";
    const received = { to, raw: await text(stream), connection: this.connections };
    this.received.push(received);
    const answer = await this.behaviour.data?.(received);
    if (answer === "drop") this.#drop(session.id);
    else done(answer === undefined ? null : replyError(answer));
  }

  #drop(id: string): void {
    for (const connection of this.#server.connections) {
      const { id: own, _socket: socket } = connection as unknown as {
        id: string;
        _socket: { destroy(): void };
      };
      if (own === id) socket.destroy();
    }
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    return this;
  }

  /** How the rollout is told to reach it; in the clear unless it says otherwise, and without waiting. */
  smtp(changed: Partial<SmtpSection> = {}): SmtpSection {
    const { port } = this.#server.server.address() as AddressInfo;
    const near = { host: "127.0.0.1", port, security: "none", retrySeconds: 0, perSecond: 1000 };
    return SmtpSection.parse({ ...near, ...changed });
  }

  to = (): string[] => this.received.map(({ to }) => to);
  stop = (): Promise<void> => new Promise((resolve) => this.#server.close(() => resolve()));
}

/** A message as a mail program understands it. */
export const parseMail = (raw: string | Buffer): Promise<Email> => PostalMime.parse(raw);
