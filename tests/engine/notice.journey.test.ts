import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Checkout } from "./checkout.ts";

/** A weekly window that is open now, or one that is three days off. */
function windowAt(daysAhead: number): string {
  const day = new Date(Date.now() + daysAhead * 86_400_000).toLocaleDateString("en-US", {
    weekday: "short",
    timeZone: "UTC",
  });
  return JSON.stringify({ days: [day.toLowerCase()], from: "00:00", to: "24:00" });
}

describe("window and notice", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  const outbox = () => readdirSync(join(checkout.folder, "reports/sandbox/outbox"));
  const setWindow = async (daysAhead: number) => {
    const { days, from, to } = JSON.parse(windowAt(daysAhead));
    for (const [key, value] of Object.entries({ "days[0]": days[0], from, to }))
      await checkout.rollout("config", "set", "--path", `window.${key}`, value);
  };

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "500");
    await setWindow(3);
  });

  after(() => checkout?.dispose());

  it("does phase 0 outside of the window, and refuses phase 1 with the next opening, in preview and up", async () => {
    await checkout.toPhase(0);
    await checkout.rollout("config", "set", "phase", "1");
    for (const verb of [["preview"], ["up", "--yes"]]) {
      const { exitCode, output } = await checkout.try(...verb);
      assert.notEqual(exitCode, 0);
      assert.match(
        output,
        /window: expected \w{3} 00:00–24:00 UTC for phase 1 .* It opens next at \d{4}-\d\d-\d\dT00:00Z/,
      );
    }
  });

  it("announces once when the window is open, and not again at the next up", async () => {
    await setWindow(0);
    assert.match(await checkout.rollout("preview"), /announce, once: Scheduled maintenance/);
    await checkout.up();
    const sent = outbox();
    assert.equal(sent.length, 1);
    assert.match(await checkout.up(), /\d+ unchanged/);
    assert.deepEqual(outbox(), sent);
  });

  it("goes back outside of the window, keeps the notice, and announces again in the next attempt", async () => {
    await setWindow(3);
    await checkout.toPhase(0);
    assert.equal(outbox().length, 1);
    await setWindow(0);
    await checkout.toPhase(1);
    assert.equal(outbox().length, 2);
    await checkout.rollout("destroy", "--yes");
    assert.equal(outbox().length, 2);
  });
});
