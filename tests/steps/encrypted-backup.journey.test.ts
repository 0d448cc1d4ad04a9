import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { listFiles } from "../../postgres/backup/dump-files.ts";
import { backup } from "../../steps/backup.ts";
import { rehearsal } from "../../steps/rehearsal.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { makeKeys, provideAge } from "../age.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  backupSpec,
  createOddDatabase,
  folderOf,
  manifestOf,
  namesIn,
  proofSpec,
  reseal,
  scriptedDump,
} from "./backup-fixture.ts";
import { physicalSpec } from "./physical-fixture.ts";
import { makeDeps } from "./preflight-deps.ts";
import { RolloutTarget } from "./rollout-target.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const VARIABLE = "ROLLOUT_BACKUP_IDENTITY";
const methods = [backupSpec, physicalSpec] as const;

describe("encrypted backup", function () {
  this.timeout(120_000);
  let odd: string;
  let keys: Awaited<ReturnType<typeof makeKeys>>;
  const { PATH, [VARIABLE]: usual } = process.env;

  before(async () => {
    console.log(`      by ${provideAge()}`);
    odd = await createOddDatabase();
    keys = await makeKeys();
  });
  beforeEach(() => {
    process.env[VARIABLE] = keys.file;
  });
  after(() => {
    process.env.PATH = PATH;
    if (usual === undefined) delete process.env[VARIABLE];
    else process.env[VARIABLE] = usual;
  });

  const sealed = (make: (typeof methods)[number] = backupSpec) => ({
    ...make(),
    encryption: { recipients: [keys.recipient] },
  });

  for (const make of methods) {
    const { method } = make();
    it(`leaves nothing of a ${method} one in the clear but its manifest, and is proven and rehearsed on`, async () => {
      const target = await RolloutTarget.make();
      try {
        const spec = sealed(make);
        const { path } = await backup.apply(spec, target.deps());
        for (const file of await listFiles(path)) {
          if (file === "manifest.json") continue;
          assert.match(file, /\.age$/);
          assert.equal(readFileSync(join(path, file)).subarray(0, 21).toString(), "age-encryption.org/v1");
          assert.equal(statSync(join(path, file)).mode & 0o777, 0o600);
        }
        assert.deepEqual(manifestOf(path).encryption, { program: "age", recipients: [keys.recipient] });
        await restoreProof.apply(proofSpec(spec.url), target.deps());
        const of = { phase: "pre-flight", step: "backup", proof: "restore-proof" };
        const result = await rehearsal.apply({ ...target.spec(), url: spec.url, jobs: 2, of }, target.deps());
        assert.equal(result.changedRows, 25);
      } finally {
        await target.dispose();
      }
    });
  }

  it("is refused before anything is dumped where it could not be proven: no key, another key, no age", async () => {
    const spec = sealed();
    const blockers = async () => (await backup.observe(spec, makeDeps(odd))).blockers.join("\n");
    assert.equal(await blockers(), "");
    const stranger = await makeKeys();
    process.env[VARIABLE] = stranger.file;
    assert.match(
      await blockers(),
      /expected age to decrypt, got .*no identity matched any of the recipients/,
    );
    delete process.env[VARIABLE];
    assert.match(
      await blockers(),
      /expected the path of a file with a secret key of age in ROLLOUT_BACKUP_IDENTITY, got none/,
    );
    await assert.rejects(backup.apply(spec, makeDeps(odd)), /ROLLOUT_BACKUP_IDENTITY, got none/);
    process.env[VARIABLE] = keys.file;
    const path = process.env.PATH;
    process.env.PATH = "/nowhere";
    try {
      assert.match(
        await blockers(),
        /expected the program age for an encrypted backup, got none\. .*apt-get install age/,
      );
    } finally {
      process.env.PATH = path;
    }
    assert.deepEqual(namesIn(folderOf(spec)), []);
  });

  it("is not proven without its key, by another one, or with a byte changed, even when resealed", async () => {
    const spec = sealed();
    const { path } = await backup.apply(spec, makeDeps(odd));
    delete process.env[VARIABLE];
    const { blockers } = await restoreProof.observe(proofSpec(spec.url), makeDeps(odd));
    assert.match(blockers.join(), /^restore-proof: expected the path of a file with a secret key/);
    process.env[VARIABLE] = (await makeKeys()).file;
    await assert.rejects(restoreProof.apply(proofSpec(spec.url), makeDeps(odd)), /no identity matched/);
    process.env[VARIABLE] = keys.file;
    const file = join(path, "catalogue.txt.age");
    const bytes = readFileSync(file);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await assert.rejects(
      restoreProof.apply(proofSpec(spec.url), makeDeps(odd)),
      /catalogue\.txt\.age has SHA-256/,
    );
    const again = await reseal(path);
    await assert.rejects(
      restoreProof.apply(proofSpec(spec.url), makeDeps(odd)),
      /expected age to decrypt, got /,
    );
    truncateSync(join(again, "catalogue.txt.age"), bytes.length - 30);
    await reseal(again);
    await assert.rejects(
      restoreProof.apply(proofSpec(spec.url), makeDeps(odd)),
      /expected age to decrypt, got /,
    );
  });

  it("is taken anew when its keys change, and a plain one is not taken for it", async () => {
    const spec = sealed();
    const first = await backup.apply(spec, makeDeps(odd));
    assert.deepEqual(await backup.apply(spec, makeDeps(odd)), first);
    const { encryption: _, ...plain } = spec;
    assert.equal((await backup.observe(plain, makeDeps(odd))).drift[0]?.observed, "none");
    const more = { ...spec, encryption: { recipients: [keys.recipient, (await makeKeys()).recipient] } };
    assert.notEqual((await backup.apply(more, makeDeps(odd))).path, first.path);
  });

  it("leaves nothing in the clear when its taking is killed in the middle", async () => {
    const note = join(temporaryFolder(), "pid");
    const hanging = `for a; do case "$a" in --file=*) mkdir -p "\${a#--file=}"; echo clear > "\${a#--file=}/toc.dat";; esac; done
      echo $$ > ${note}; exec sleep 600`;
    const programs = temporaryFolder();
    writeFileSync(join(programs, "pg_dump"), readFileSync(scriptedDump(hanging).findProgram("pg_dump")), {
      mode: 0o755,
    });
    const spec = sealed();
    const step = start(
      "backup",
      { ...spec, identity: { ...spec.identity, evidenceUrl: `file:${programs}/e` } },
      {
        ROLLOUT_POSTGRES_BIN: programs,
      },
    );
    while (!existsSync(note)) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(namesIn(folderOf(spec)).join(), /^\.partial-/);
    step.kill("SIGKILL");
    await once(step, "exit");
    while (namesIn(folderOf(spec)).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("leaves nothing decrypted when its proof is killed, or fails", async () => {
    const scratch = temporaryFolder();
    chmodSync(scratch, 0o711);
    const spec = sealed();
    const { path } = await backup.apply(spec, makeDeps(odd));
    const proof = {
      ...proofSpec(spec.url),
      identity: { ...spec.identity, evidenceUrl: `file:${scratch}/evidence` },
    };
    const made = () => readdirSync(scratch).filter((name) => name.startsWith("rollout-throwaway-"));
    const step = start("restore-proof", proof, { TMPDIR: scratch });
    while (
      !made().some((name) => existsSync(join(scratch, name, "decrypted", "dump"))) &&
      step.exitCode === null
    )
      await new Promise((resolve) => setTimeout(resolve, 2));
    step.kill("SIGKILL");
    await once(step, "exit");
    while (made().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(namesIn(path).includes("manifest.json") && basename(path));
    writeFileSync(join(path, "globals.sql.age"), "no age file");
    await reseal(path);
    const failed = start("restore-proof", proof, { TMPDIR: scratch });
    assert.deepEqual(await once(failed, "exit"), [1, null]);
    assert.deepEqual(made(), []);
  });

  function start(step: string, spec: object, env: Record<string, string>) {
    const child = spawn(process.execPath, ["bin/step.mjs", step, "apply"], {
      cwd: root,
      env: { ...process.env, ROLLOUT_DATABASE_URL: odd, ...env },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.end(JSON.stringify(spec));
    return child;
  }
});
