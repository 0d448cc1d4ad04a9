import type pg from "pg";

/** What users of the app were told has been written: deal id → value as the app of before the rollout writes it. */
export type Model = Map<string, string | null>;

type Body = Record<string, string>;

/** What users send, old-style (nothing, `carve-out`) and new-style. */
const KINDS: Body[] = [
  {},
  { deal_type: "carve-out" },
  { deal_type: "acquisition" },
  { deal_type: "divestiture" },
];

async function call(app: string, method: string, path: string, body?: Body) {
  const response = await fetch(`${app}/api/v1/deals${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    json: text ? (JSON.parse(text) as { id: string; deal_type: string | null }) : undefined,
  };
}

const create = (app: string, kind: Body) =>
  call(app, "POST", "", { name: "Ünïted", target_name: "Target", ...kind });

/**
 * Users who create, edit, delete and create again through the app, each on deals of their own, until they are stopped.
 * Every acknowledged write goes into a model: the last value that a user wrote to a deal, or the one it was born with.
 * An exact undo leaves just that behind.
 */
export class AppUsers {
  readonly model: Model;
  readonly failures: string[] = [];
  writes = 0;
  readonly #app: string;
  readonly #raw: (string | null)[];
  #running = true;
  #users: Promise<void>[] = [];

  private constructor(app: string, model: Model, raw: (string | null)[]) {
    this.#app = app;
    this.model = model;
    this.#raw = raw;
  }

  /** Before the rollout: learns what the app writes for each kind of input, and what is there. */
  static async meet(app: string, client: pg.Client): Promise<AppUsers> {
    const raw: (string | null)[] = [];
    for (const kind of KINDS) raw.push((await create(app, kind)).json?.deal_type ?? null);
    const { rows } = await client.query<{ id: string; deal_type: string | null }>(
      "SELECT id::text, deal_type FROM deals",
    );
    return new AppUsers(app, new Map(rows.map(({ id, deal_type }) => [id, deal_type])), raw);
  }

  start(users = 3): void {
    const ids = [...this.model.keys()];
    this.#users = Array.from({ length: users }, (_, user) =>
      this.#live(ids.filter((_id, index) => index % users === user)),
    );
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#users);
  }

  #expect(status: number, wanted: number, what: string): boolean {
    this.writes += 1;
    if (status !== wanted) this.failures.push(`${what}: ${status}`);
    return status === wanted;
  }

  async #live(ids: string[]): Promise<void> {
    for (let turn = 0; this.#running; turn += 1) {
      await this.#act(turn, ids).catch((error: unknown) => this.failures.push(String(error)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #act(turn: number, ids: string[]): Promise<void> {
    const index = (turn * 7919) % ids.length;
    const id = ids[index] as string;
    const kind = turn % KINDS.length;
    if (turn % 5 === 0) await this.#create(kind, ids);
    else if (turn % 5 === 1) await this.#remove(id, index, ids);
    else if (turn % 5 === 2) await this.#rename(id);
    else await this.#assign(id, kind);
  }

  async #create(kind: number, ids: string[]): Promise<void> {
    const { status, json } = await create(this.#app, KINDS[kind] as Body);
    if (!this.#expect(status, 201, "create") || !json) return;
    this.model.set(json.id, this.#raw[kind] as string | null);
    ids.push(json.id);
  }

  async #remove(id: string, index: number, ids: string[]): Promise<void> {
    const { status } = await call(this.#app, "DELETE", `/${id}`);
    // A seeded deal with analyses cannot be deleted: the app says so, and nothing has changed.
    if (status === 409) return;
    if (!this.#expect(status, 204, "delete")) return;
    this.model.delete(id);
    ids.splice(index, 1);
  }

  async #rename(id: string): Promise<void> {
    const { status } = await call(this.#app, "PATCH", `/${id}`, { name: "Renamed" });
    this.#expect(status, 200, "rename");
  }

  async #assign(id: string, kind: number): Promise<void> {
    const body = KINDS[kind] as Body;
    if (!body.deal_type) return;
    const { status } = await call(this.#app, "PATCH", `/${id}`, body);
    if (this.#expect(status, 200, "assign")) this.model.set(id, this.#raw[kind] as string | null);
  }
}
