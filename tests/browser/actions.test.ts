import assert from "node:assert/strict";
import { type Browser, chromium, type Page } from "playwright-core";
import { performAction } from "../../browser/actions.ts";
import { launchOptions } from "../../browser/executable.ts";
import { Action } from "../../config/browser-action.ts";
import { BROWSER, inBrowser } from "./browser-fixture.ts";

const PAGE = `<!doctype html><html lang="en"><title>t</title><main><h1>Edit deal</h1>
<form onsubmit="said.textContent = 'Saved by ' + event.submitter.textContent; return false">
<p><label>Name * <input id="name" required value="Old"></label></p>
<p><label for="t">Target</label><input id="t" disabled value="Fixed"></p>
<p><label>Deal type <select><option>Acquisition</option><option>Carve-out</option></select></label></p>
<p><label>Notes <input aria-required="true"></label></p>
<button>Save</button> <button type="button">Save as draft</button></form>
<p role="status" id="said"></p><p hidden>Nobody reads this</p>
<table><caption>Costs</caption><tr><th>TSA</th><td>1</td></tr></table></main></html>`;

/** Actions that go well, one after the other on one page. */
const WELL: [string, unknown[]][] = [
  [
    "fills a field by its label, whatever the asterisk",
    [{ fill: { Name: "New" } }, { expect: { value: { Name: "New" } } }],
  ],
  [
    "chooses an option by its words, also where the label holds the list",
    [{ select: { "Deal type": "Carve-out" } }, { expect: { selected: { "Deal type": "Carve-out" } } }],
  ],
  [
    "clicks the button of just that name",
    [{ click: 'button "Save"' }, { expect: { visible: 'status "Saved by Save"' } }],
  ],
  [
    "presses a key where it is told, and where the focus is",
    [
      { press: { key: "Control+A", on: 'field "Name"' } },
      { press: { key: "Delete" } },
      { expect: { value: { Name: "" } } },
    ],
  ],
  ["takes aria-required for required", [{ expect: { required: "Notes" } }, { expect: { required: "Name" } }]],
  [
    "sees no hidden text",
    [{ expect: { absent: 'text "Nobody reads this"' } }, { expect: { visible: 'text "edit DEAL"' } }],
  ],
];

/** What cannot be done or is not seen, and what is said of it. */
const BADLY: [unknown, string][] = [
  [
    { click: 'button "Create deal"' },
    'expected button "Create deal" to be clicked, got button "Save", button "Save as draft"',
  ],
  [{ fill: { Target: "x" } }, 'expected field "Target" to be filled in, got element is not enabled'],
  [
    { fill: { Budget: "1" } },
    'expected field "Budget" to be filled in, got textbox "Name *": Old, textbox "Target" [disabled]: Fixed, combobox "Deal type", textbox "Notes"',
  ],
  [
    { select: { "Deal type": "Merger" } },
    'expected option "Merger" to be chosen in field "Deal type", got did not find some options',
  ],
  [
    { expect: { visible: 'heading "New deal"' } },
    'expected heading "New deal" to be seen, got heading "Edit deal" [level=1]',
  ],
  [{ expect: { absent: 'button "Save"' } }, 'expected no button "Save" to be seen, got 1 of them'],
  [{ expect: { value: { Name: "New" } } }, 'expected field "Name" to hold "New", got "Old"'],
  [
    { expect: { required: "Target" } },
    'expected field "Target" to be required, got a field that may stay empty',
  ],
  [
    { expect: { row: { table: "Synergies", contains: "x" } } },
    'expected a row with "x" in the table "Synergies", got table "Costs"',
  ],
  [
    { expect: { noRow: { table: "Costs", contains: "TSA" } } },
    'expected no row with "TSA" in the table "Costs", got the row TSA 1',
  ],
  [{ expect: { path: "/deals/{deal}" } }, "expected the path /deals/{deal}, got blank"],
  [
    { expect: { help: { field: "Deal type", options: { Acquisition: "whole" } } } },
    'expected help with "whole" for "Acquisition" in field "Deal type", got no help that is seen',
  ],
  [
    { expect: { help: { field: "Deal type", options: { Merger: "two" } } } },
    'expected option "Merger" to be chosen in field "Deal type", got did not find some options',
  ],
  [
    { open: "/deals" },
    "expected a page at /deals, got net::ERR_CONNECTION_REFUSED at http://127.0.0.1:49151/deals",
  ],
];

describe("browser actions", () => {
  let browser: Browser | undefined;
  before(async () => {
    if (BROWSER) browser = await chromium.launch(launchOptions(BROWSER, { args: [] }));
  });
  after(() => browser?.close());

  async function performAll(actions: unknown[], timeoutMs: number): Promise<void> {
    const page = (await browser?.newPage()) as Page;
    try {
      await page.setContent(PAGE);
      const scene = { page, base: "http://127.0.0.1:49151", timeoutMs, kept: {} };
      for (const action of actions) await performAction(Action.parse(action), scene);
    } finally {
      await page.close();
    }
  }

  for (const [what, actions] of WELL) inBrowser(what, () => performAll(actions, 10_000));
  for (const [action, said] of BADLY)
    inBrowser(said, () =>
      assert.rejects(performAll([action], 1_000), { name: "NotAsExpected", message: said }),
    );
});
