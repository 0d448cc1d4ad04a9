import assert from "node:assert/strict";
import { judgeDefaults } from "../../postgres/migration/column-default.ts";
import { constraint } from "../../steps/constraint.ts";
import { contract } from "../../steps/contract.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { CHANGE, RolloutTarget } from "../steps/rollout-target.ts";

const setDefault = (expression: string) => `ALTER TABLE deals ALTER deal_type SET DEFAULT ${expression}`;

describe("the default of the column", () => {
  let target: RolloutTarget;
  afterEach(() => target.dispose());
  const judge = async (ddl: string, change = CHANGE) => {
    target = await RolloutTarget.make({ rows: 8, ddl });
    return judgeDefaults(target.admin, change);
  };
  const FAILS = /, got "(other|Other)": an INSERT without the column fails from the constraint on$/;

  const refused: [string, string, RegExp][] = [
    ["that no rule maps", setDefault("'other'"), FAILS],
    ["that an expression gives", setDefault("initcap('other')"), FAILS],
    [
      "that a function gives",
      `CREATE FUNCTION public.kind() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 'other'; END $$; ${setDefault("public.kind()")}`,
      /got "other" \(in this session\): an INSERT/,
    ],
    [
      "of a view that writes to the table",
      `CREATE VIEW public.open_deals AS SELECT id, name, deal_type FROM deals; ALTER VIEW open_deals ALTER deal_type SET DEFAULT 'other'`,
      /default of view open_deals\.deal_type to be .* got "other"/,
    ],
  ];
  for (const [what, ddl, expected] of refused) {
    it(`stops expand, unless it is accepted: one ${what}`, async () => {
      const { risks } = await judge(ddl);
      assert.deepEqual(
        risks.map(({ name }) => name),
        ["default"],
      );
      assert.match(risks[0]?.finding as string, expected);
      assert.match(
        (await expand.observe(target.spec(), target.deps())).blockers.join("\n"),
        /SET DEFAULT one of them, or add a rule, or take the risk: migration\.accept: \["default"\]\.$/,
      );
      const accepted = await expand.observe(target.spec({}, { accept: ["default"] }), target.deps());
      assert.deepEqual(accepted.blockers, []);
    });
  }

  it("stops expand where there is none, and no rule for NULL", async () => {
    const change = { ...CHANGE, normalise: { spellings: CHANGE.normalise.spellings } };
    const { risks } = await judge("DELETE FROM deals WHERE deal_type IS NULL", change);
    assert.match(risks[0]?.finding ?? "", /to have a default, or a rule for NULL, got neither/);
    await target.admin.query("ALTER TABLE deals ALTER deal_type SET NOT NULL");
    assert.deepEqual((await judgeDefaults(target.admin, change)).risks, []);
  });

  const told: [string, string, RegExp | undefined][] = [
    ["an allowed value", setDefault("lower('CARVEOUT')"), undefined],
    [
      "none, where a rule maps NULL",
      "",
      /has no default: an INSERT without it gets acquisition from the normaliser, and is refused/,
    ],
    [
      "a function that may give anything",
      `CREATE FUNCTION public.kind() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'other'; END $$; ${setDefault("public.kind()")}`,
      /not known: what default kind\(\) of deals\.deal_type gives \(kind may give anything\)/,
    ],
    [
      "an old spelling",
      setDefault("'carve-out'"),
      /default "carve-out" of deals\.deal_type is an old spelling/,
    ],
  ];
  for (const [what, ddl, expected] of told) {
    it(`is told and does not stop: ${what}`, async () => {
      const { risks, notes } = await judge(ddl);
      assert.deepEqual(risks, []);
      assert.equal(notes.length, expected ? 1 : 0, notes.join("\n"));
      if (expected) assert.match(notes[0] as string, expected);
      assert.deepEqual((await expand.observe(target.spec(), target.deps())).blockers, []);
    });
  }

  it("stops contract while it is an old spelling", async () => {
    target = await RolloutTarget.make({ ddl: setDefault("'carve-out'") });
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    await target.apply(constraint, target.spec());
    const spec = { ...target.spec(), quietSeconds: 0 };
    const blockers = async () => (await contract.observe(spec, target.deps())).blockers;
    assert.match(
      (await blockers()).join("\n"),
      /got the old spelling "carve-out", which is refused once the normaliser is off\. ALTER TABLE public\.deals ALTER COLUMN deal_type SET DEFAULT 'carveout'\.$/,
    );
    await assert.rejects(target.apply(contract, spec), /old spelling "carve-out"/);
    await target.admin.query(setDefault("'carveout'"));
    assert.deepEqual(await blockers(), []);
  });
});
