import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { type VerificationSpec, verification } from "../../steps/verification.ts";
import { RolloutTarget } from "./rollout-target.ts";

describe("verification of services and smoke", () => {
  let target: RolloutTarget;
  const servers: Server[] = [];

  before(async () => {
    target = await RolloutTarget.make();
    const spec = target.spec();
    await target.apply(expand, spec);
    await target.apply(migration, spec);
    await target.apply(constraint, spec);
  });

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  after(() => target.dispose());

  /** An address behind which these processes answer in turn. */
  async function serve(
    pids: number[],
    {
      database = "ok",
      refuseFirst = 0,
      plain,
    }: { database?: string; refuseFirst?: number; plain?: string } = {},
  ): Promise<string> {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      if (asked <= refuseFirst) return void response.destroy();
      const pid = pids[asked % pids.length];
      const startedAt = "2026-03-02T09:00:00Z";
      response.end(plain ?? JSON.stringify({ pid, release: "a", startedAt, flag: null, database }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
  }

  const spec = (fields: Partial<VerificationSpec>): VerificationSpec => {
    const { migration: _, ...base } = target.spec();
    return verification.spec.parse({ ...base, ...fields });
  };
  const web = (health: string | undefined, processes = 2) => [
    { name: "web-1", services: [{ unit: "diligence-web", processes, ...(health ? { health } : {}) }] },
  ];
  const smoke = (script: string, more: object = {}) => ({
    command: [process.execPath, "-e", script],
    cwd: ".",
    timeoutSeconds: 30,
    inherit: [],
    ...more,
  });
  const apply = (fields: Partial<VerificationSpec>, deps = target.deps()) =>
    verification.apply(spec(fields), deps);

  it("asks until each process of each service has said that it runs", async () => {
    const { services } = await apply({ hosts: web(await serve([7, 5])) });
    deepEqual(
      services.map(({ unit, answered }) => [unit, answered?.map(({ pid }) => pid)]),
      [["diligence-web", [5, 7]]],
    );
  });

  it("waits for a service that is being restarted", async () => {
    const { services } = await apply({ hosts: web(await serve([7], { refuseFirst: 1 }), 1) });
    equal(services[0]?.answered?.length, 1);
  });

  it("says of a service without a health address that nobody asked it", async () => {
    const { services } = await apply({ hosts: web(undefined) });
    deepEqual(services[0]?.answered, null);
    ok(target.logged.some((line) => /diligence-web on web-1 was not asked/.test(line)));
  });

  it("takes a plain OK for healthy where the configuration says that it tells nothing else", async () => {
    const health = await serve([7], { plain: "OK" });
    const healthFields = { release: false, flag: false, pid: false, startedAt: false } as const;
    const service = { unit: "diligence-web", processes: 2, health, healthFields };
    const { services, health: app } = await apply({
      app: { url: health.replace("/health", "") },
      hosts: [{ name: "web-1", services: [service as never] }],
    });
    deepEqual([services[0]?.answered, app], [[{}], { text: "OK" }]);
  });

  it("asks before the first change what it will ask after the last, and stops there", async () => {
    const gone = await serve([1]);
    servers.splice(0)[0]?.close();
    const asked = async (fields: Partial<VerificationSpec>) =>
      (await verification.observe(spec(fields), target.deps())).blockers;
    deepEqual(
      await asked({
        hosts: web(await serve([7, 5])),
        app: { url: (await serve([7])).replace("/health", "") },
      }),
      [],
    );
    match(
      (await asked({ hosts: web(gone) })).join(),
      /expected 2 healthy processes of diligence-web on web-1 .*, got: .*\. Start the service/,
    );
    match((await asked({ hosts: web(await serve([7])) })).join(), /got: 1 that answer/);
    match(
      (await asked({ hosts: web(await serve([7], { database: "down" }), 1) })).join(),
      /got: 1 without a database/,
    );
    match(
      (await asked({ app: { url: gone.replace("/health", "") } })).join(),
      /to answer 200 and a database that is ok, got/,
    );
    deepEqual(await asked({ hosts: web(undefined) }), []);
  });

  it("fails on too few processes, on one without its database and on none, by name", async function () {
    this.timeout(120_000);
    const gone = await serve([1]);
    servers.splice(0)[0]?.close();
    await Promise.all(
      [
        [await serve([7]), /expected 2 healthy processes of diligence-web on web-1 .*, got: 1 that answer/],
        [await serve([7, 8], { database: "down" }), /got: 2 without a database/],
        [gone, /got: (connection refused|socket hang up)/],
      ].map(([health, said]) => rejects(apply({ hosts: web(health as string) }), said as RegExp)),
    );
  });

  it("runs the smoke command with the address and the release, and with none of our secrets", async () => {
    process.env.ROLLOUT_DATABASE_URL = "postgres://canary";
    process.env.SMOKE_TOKEN = "named-secret";
    try {
      const url = (await serve([1])).replace("/health", "");
      const script =
        `const [app, release] = process.argv.slice(1); const { SMOKE_TOKEN: token } = process.env;` +
        `if (app !== ${JSON.stringify(url)} || release !== "abc" || token !== "named-secret") process.exit(2);` +
        `if (JSON.stringify(process.env).includes("canary")) process.exit(3);`;
      const { command } = smoke(script);
      const result = await apply({
        ...{ release: "abc", app: { url } },
        smoke: smoke(script, { command: [...command, "{app}", "{release}"], inherit: ["SMOKE_TOKEN"] }),
      });
      deepEqual(result.smoke?.command.slice(-2), ["{app}", "{release}"]);
    } finally {
      delete process.env.ROLLOUT_DATABASE_URL;
      delete process.env.SMOKE_TOKEN;
    }
  });

  it("fails with the end of what a failing smoke command printed, named variables hidden", async () => {
    process.env.SMOKE_TOKEN = "named-secret";
    const script =
      "console.log('x'.repeat(9000)); console.error('deal 7 is gone ' + process.env.SMOKE_TOKEN); process.exit(4)";
    try {
      const failure = apply({ smoke: smoke(script, { inherit: ["SMOKE_TOKEN"] }) });
      await rejects(failure, (error: Error) => {
        match(error.message, /got exit code 4; the end of its output:\n[\s\S]*deal 7 is gone \*\*\*\n/);
        return !error.message.includes("named-secret") && error.message.length < 5_000;
      });
    } finally {
      delete process.env.SMOKE_TOKEN;
    }
  });

  for (const [what, script, said] of [
    ["hangs", "setInterval(() => {}, 1000)", /still ran after 1 s and was ended/],
    ["crashes", "process.kill(process.pid, 'SIGSEGV')", /ended by SIGSEGV/],
    ["prints nothing", "process.exit(1)", /exit code 1, it printed nothing/],
  ] as const) {
    it(`fails for a smoke command that ${what}`, () =>
      rejects(apply({ smoke: smoke(script, { timeoutSeconds: 1 }) }), said));
  }

  it("says before it begins that the smoke command, its folder or a variable is missing", async () => {
    const blockersOf = async (more: object) =>
      (await verification.observe(spec({ smoke: smoke("", more) }), target.deps())).blockers.join("\n");
    equal(await blockersOf({}), "");
    match(await blockersOf({ command: ["no-such-program"] }), /the program no-such-program to be installed/);
    match(await blockersOf({ cwd: "/nowhere" }), /the folder \/nowhere to run in, got none/);
    match(await blockersOf({ inherit: ["NO_SUCH_VARIABLE"] }), /the variable NO_SUCH_VARIABLE/);
  });
});
