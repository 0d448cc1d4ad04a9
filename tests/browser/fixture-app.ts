import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import pg from "pg";
import {
  type Breaks,
  createPage,
  editPage,
  HELP_PAGE,
  listPage,
  reportPage,
  type StoredDeal,
} from "./fixture-pages.ts";

/** Tables of the fixture's deals. */
export const FIXTURE_TABLES = [
  "CREATE TABLE deals (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, deal_type text NOT NULL)",
  "INSERT INTO deals (name, deal_type) VALUES ('Of a user', 'carveout'), ('rollout-check-list of a user', 'acquisition')",
];

/** An application with the pages of the interface release, which may be broken in any one way. */
export class FixtureApp {
  url = "";
  breaks: Breaks = {};
  readonly #pool: pg.Pool;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
  });

  private constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  }

  static async start(databaseUrl: string): Promise<FixtureApp> {
    const app = new FixtureApp(databaseUrl);
    await new Promise<void>((done) => app.#server.listen(0, "127.0.0.1", done));
    app.url = `http://127.0.0.1:${(app.#server.address() as AddressInfo).port}`;
    return app;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#pool.end();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    const { breaks } = this;
    if (breaks.login && pathname !== "/login" && !request.headers.cookie?.includes("session=open"))
      return redirect(response, "/login");
    if (pathname === "/login") return this.#logIn(request, response);
    if (pathname === "/deals") return send(response, listPage(await this.#deals(), breaks));
    if (pathname === "/deals/create" && request.method === "POST") return this.#create(request, response);
    if (pathname === "/help") return send(response, HELP_PAGE);
    if (pathname === "/deals/create" && breaks.hangs) return undefined;
    if (pathname === "/deals/create") return send(response, createPage(breaks));
    const [, id = "", edit] = /^\/deals\/(\d+)(\/edit)?$/.exec(pathname) ?? [];
    if (request.method === "DELETE") return this.#remove(pathname, response);
    const [deal] = await this.#deals(id);
    if (!deal) return send(response, "<title>gone</title>", 404);
    if (edit && request.method === "POST") return this.#edit(deal, request, response);
    if (edit) return send(response, editPage(deal, breaks));
    const saved = request.headers.cookie?.includes("saved=yes") ?? false;
    return send(response, reportPage(deal, saved, breaks), 200, {
      "set-cookie": "saved=; Max-Age=0; Path=/",
    });
  }

  async #deals(id?: string): Promise<StoredDeal[]> {
    const all = "SELECT id::text, name, deal_type AS type FROM deals";
    if (id === undefined) return (await this.#pool.query<StoredDeal>(`${all} ORDER BY id`)).rows;
    return id === "" ? [] : (await this.#pool.query<StoredDeal>(`${all} WHERE id = $1`, [id])).rows;
  }

  async #create(request: IncomingMessage, response: ServerResponse) {
    const form = new URLSearchParams(await text(request));
    const sql = "INSERT INTO deals (name, deal_type) VALUES ($1, $2) RETURNING id";
    const { rows } = await this.#pool.query(sql, [form.get("name"), form.get("deal_type")]);
    redirect(response, `/deals/${rows[0].id}`);
  }

  async #edit(deal: StoredDeal, request: IncomingMessage, response: ServerResponse) {
    const type = new URLSearchParams(await text(request)).get("deal_type");
    if (!this.breaks.forgetsEdit)
      await this.#pool.query("UPDATE deals SET deal_type = $2 WHERE id = $1", [deal.id, type]);
    redirect(response, `/deals/${deal.id}`, { "set-cookie": "saved=yes; Path=/" });
  }

  async #remove(pathname: string, response: ServerResponse) {
    const id = pathname.split("/").at(-1);
    await this.#pool.query("DELETE FROM deals WHERE id = $1", [id]);
    response.writeHead(204).end();
  }

  async #logIn(request: IncomingMessage, response: ServerResponse) {
    const password = new URLSearchParams(await text(request)).get("password");
    if (password === "open sesame")
      return redirect(response, "/deals", { "set-cookie": "session=open; Path=/" });
    const form = `<label for="p">Password</label> <input id="p" name="password" type="password"> <button>Log in</button>`;
    return send(
      response,
      `<!doctype html><html lang="en"><title>Log in</title><main><h1>Log in</h1>
<form method="post">${form}</form><p>${password ? `wrong: ${password}` : ""}</p></main></html>`,
    );
  }
}

type Headers = Record<string, string>;

function send(response: ServerResponse, html: string, status = 200, headers: Headers = {}): void {
  response.writeHead(status, { ...headers, "content-type": "text/html; charset=utf-8" }).end(html);
}

function redirect(response: ServerResponse, location: string, headers: Headers = {}): void {
  response.writeHead(303, { ...headers, location }).end();
}
