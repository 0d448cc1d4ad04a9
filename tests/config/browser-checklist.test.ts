import assert from "node:assert/strict";
import { matchPath } from "../../browser/path-template.ts";
import { BrowserChecklistSection } from "../../config/browser-checklist.ts";
import { expandFlows, secretNames } from "../../config/browser-flows.ts";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues } from "./valid-values.ts";

const OPEN = { open: "/deals/create" };
const sectionOf = (actions: unknown[], rest: object = {}) => ({
  points: [{ name: "one", actions }],
  ...rest,
});

function faultsOf(browserChecklist: object, rest: Record<string, unknown> = {}): readonly string[] {
  try {
    const values = validValues({ browserChecklist, ...rest });
    loadConfig({ values, stack: "prod", sandbox: () => undefined });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const SMOKE = {
  create: { path: "/api", body: {} },
  analyse: { path: "/api/{key}" },
  remove: { path: "/api/{key}" },
  marker: { prefix: "rollout-check-" },
  cases: [{ type: "carveout", rules: [{ field: "costs[].kind", includes: "x" }] }],
};

const FAULTS: [string, object, RegExp][] = [
  [
    "an action that says nothing",
    sectionOf([{}]),
    /expected one of open, fill, select, press, click, expect/,
  ],
  [
    "an action that says two things",
    sectionOf([{ ...OPEN, click: 'button "Save"' }]),
    /expected one of open, .* for browserChecklist\.points\[0\]\.actions\[0\] in/,
  ],
  [
    "an element of no known kind",
    sectionOf([{ click: 'buton "Save"' }]),
    /expected an element such as button "Create deal": one of field, .* for browserChecklist\.points\[0\]\.actions\[0\]\.click/,
  ],
  [
    "a misspelt word",
    sectionOf([{ clik: 'button "Save"' }]),
    /Did you mean browserChecklist\.points\[0\]\.actions\[0\]\.click\?/,
  ],
  ["a path that is none", sectionOf([{ open: "deals" }]), /expected a path from \/ .* got "?deals/],
  [
    "two expectations in one",
    sectionOf([{ expect: { visible: 'text "a"', absent: 'text "b"' } }]),
    /expected one expectation for each action/,
  ],
  ["with without run", sectionOf([{ ...OPEN, with: { type: "x" } }]), /expected with only beside run/],
  [
    "a flow that is not there",
    sectionOf([{ run: "log in" }], { flows: [{ name: "create", actions: [OPEN] }] }),
    /expected the name of one of the flows \(create\) for browserChecklist\.points\[0\]\.actions\[0\]\.run/,
  ],
  [
    "a flow within a flow",
    sectionOf([OPEN], { flows: [{ name: "a", actions: [{ run: "a" }] }] }),
    /expected no flow within a flow for browserChecklist\.flows\[0\]\.actions\[0\]\.run/,
  ],
  [
    "a name in braces that nothing keeps",
    sectionOf([{ expect: { path: "/deals/{deal}" } }, { open: "/deals/{dael}/edit" }]),
    /names in braces that are known there \(deal\) for browserChecklist\.points\[0\]\.actions\[1\] in .* got "?\{dael\}/,
  ],
  [
    "a name that a flow needs and is not given",
    sectionOf([{ run: "a" }], { flows: [{ name: "a", actions: [{ select: { "Deal type": "{type}" } }] }] }),
    /known there \(none\) for browserChecklist\.points\[0\]\.actions\[0\] in .*\{type\}/,
  ],
  [
    "a secret anywhere but in fill",
    sectionOf([{ expect: { visible: 'text "{secret:PASSWORD}"' } }]),
    /expected secrets only in fill/,
  ],
  [
    "two points of one name",
    { points: [1, 2].map(() => ({ name: "one", actions: [OPEN] })) },
    /expected a name no other entry has for browserChecklist\.points\[1\]\.name/,
  ],
  ["a pattern that is none", sectionOf([OPEN], { ignore: ["("] }), /expected a regular expression/],
];

describe("browserChecklist in the configuration", () => {
  for (const [what, section, said] of FAULTS)
    it(`is refused by its place: ${what}`, () => assert.match(faultsOf(section).join("\n"), said));

  it("is taken as it is meant", () => {
    const login = [OPEN, { fill: { Password: "{secret:PASSWORD}" } }];
    assert.deepEqual(faultsOf(sectionOf([OPEN, { fill: { Name: "{marker}" } }], { login })), []);
  });

  it("has a marker of its own: the smoke test removes all deals that bear its own", () => {
    const [fault] = faultsOf(sectionOf([OPEN]), { smokeTest: SMOKE });
    assert.match(
      fault ?? "",
      /expected another prefix than smokeTest\.marker\.prefix.* for browserChecklist\.markerPrefix/,
    );
  });

  it("puts a flow's actions in the place of run, with what it is given", () => {
    const flows = [{ name: "create", actions: [OPEN, { select: { "Deal type": "{type}" } }] }];
    const section = BrowserChecklistSection.parse(
      sectionOf([{ run: "create", with: { type: "Carve-out" } }], { flows }),
    );
    assert.deepEqual(expandFlows(section.points[0]?.actions ?? [], section.flows), [
      OPEN,
      { select: { "Deal type": "Carve-out" } },
    ]);
  });

  it("knows which variables it needs, each once", () => {
    const fill = { fill: { Password: "{secret:PASSWORD}" } };
    assert.deepEqual(secretNames(BrowserChecklistSection.parse(sectionOf([fill, fill], { login: [fill] }))), [
      "PASSWORD",
    ]);
  });
});

describe("path of a page", () => {
  const PATHS: [string, string, string | undefined, Record<string, string>][] = [
    ["/deals/{deal}", "http://x/deals/12?saved", undefined, { deal: "12" }],
    ["/deals/{deal}", "http://x/deals/4b1c-9f", undefined, { deal: "4b1c-9f" }],
    ["/deals/{deal}", "http://x/deals/create", "/deals/create", {}],
    ["/deals/{deal}", "http://x/deals/12/edit", "/deals/12/edit", {}],
    ["/a.b", "http://x/aab", "/aab", {}],
    ["/deals", "about:blank", "blank", {}],
  ];
  for (const [template, url, seen, wanted] of PATHS)
    it(`${url} is ${seen === undefined ? "" : "not "}${template}`, () => {
      const kept = {};
      assert.equal(matchPath(template, url, kept), seen);
      assert.deepEqual(kept, wanted);
    });
});
