/** Parts of a test's name that another run of the same test has otherwise. */
interface ChangingPart {
  what: string;
  pattern: RegExp;
  /** What stands for it. */
  sign: string;
  /** Told at the baseline: a date may as well be a parameter that somebody chose. */
  certain: RegExp | undefined;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const DAY = String.raw`(?:19|20)\d\d-[01]\d-[0-3]\d`;
const TIME_OF_DAY = String.raw`[T _][0-2]\d[:.-]?[0-5]\d(?:[:.-]?[0-5]\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`;

const PARTS: ChangingPart[] = [
  {
    what: "a temporary path",
    pattern: /(?:\/private)?(?:\/var\/folders|\/var\/tmp|\/tmp|\/dev\/shm)\/[^\s\],;:'")>]+/g,
    sign: "<temporary path>",
    certain: /./,
  },
  { what: "a UUID", pattern: UUID, sign: "<uuid>", certain: /./ },
  // Python's `at 0x7f…`, Ruby's `#<Foo:0x…>`, Go's 0xc000….
  { what: "an address in memory", pattern: /\b0x[0-9a-f]{6,16}\b/gi, sign: "0x…", certain: /./ },
  // Java's default toString().
  { what: "an address in memory", pattern: /(?<=[\w$…])@[0-9a-f]{5,8}\b/gi, sign: "@…", certain: /./ },
  {
    what: "a time",
    pattern: new RegExp(`${DAY}(?:${TIME_OF_DAY})?|datetime\\.\\w+\\((?:\\d+, )+\\d+[^)]*\\)`, "g"),
    sign: "<time>",
    certain: undefined,
  },
  // uuid4().hex and MongoDB's ids; a chosen sum may look the same, so nothing is told of it.
  {
    what: "an id",
    pattern: /(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{24})(?![0-9a-f])/gi,
    sign: "<id>",
    certain: undefined,
  },
  // Seconds or milliseconds since 1970, and Python's id().
  {
    what: "a number of the moment",
    pattern: /(?<![\d.])\d{10,20}(?![\d])/g,
    sign: "<number>",
    certain: undefined,
  },
  {
    what: "a port",
    pattern: /(?<=\b(?:localhost|127\.0\.0\.1|\[::1\])):\d{4,5}\b/g,
    sign: ":<port>",
    certain: undefined,
  },
];

/** `{'b', 'a'}`: Python prints a set in an order that differs by process. */
const SET = /\{(?:[^{}:]+, )+[^{}:]+\}/g;
const sorted = (set: string) => `{${set.slice(1, -1).split(", ").sort().join(", ")}}`;

/** The name without what changes from run to run. Pure. */
export function stableName(name: string): string {
  const bare = PARTS.reduce((text, { pattern, sign }) => text.replaceAll(pattern, sign), name);
  return bare.replaceAll(SET, sorted);
}

/** The name as a regular expression's source, with anything in the place of what changes. Pure. */
export function namePattern(name: string): string {
  const gap = "\uE000";
  const marked = PARTS.reduce((text, { pattern }) => text.replaceAll(pattern, gap), name).replaceAll(
    SET,
    gap,
  );
  return marked.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replaceAll(gap, ".*");
}

/** A time of the run's own day: nobody chose it as a parameter. */
function isOfToday(part: string, now: Date): boolean {
  const near = (time: number) => Math.abs(time - now.getTime()) < 36 * 3600_000;
  if (/^\d+$/.test(part)) return near(Number(part) * (part.length === 10 ? 1000 : 1)) || part.length >= 14;
  const [, year, month, day] = /(\d{4})(?:-|, )(\d{1,2})(?:-|, )(\d{1,2})/.exec(part) ?? [];
  return near(Date.UTC(Number(year), Number(month) - 1, Number(day), 12));
}

/** What of the name is likely to change in the next run, in words; nothing where somebody chose it as likely. Pure. */
export function changingParts(name: string, now: Date): string[] {
  const found = PARTS.filter(({ pattern, certain, what }) =>
    (name.match(pattern) ?? []).some((part) =>
      certain ? certain.test(part) : what !== "a port" && isOfToday(part, now),
    ),
  ).map(({ what }) => what);
  if (SET.test(name)) found.push("a set, whose order changes");
  SET.lastIndex = 0;
  return [...new Set(found)];
}

/** Takes from `now` a name for each of `before` that has none, one for one and in order, by what `keyOf` says of both. */
function pairBy(
  keyOf: (name: string) => string | undefined,
  before: Iterable<string>,
  now: Iterable<string>,
  pairs: Map<string, string>,
): void {
  const free = new Map<string, string[]>();
  for (const name of now) {
    const key = pairs.has(name) ? undefined : keyOf(name);
    if (key !== undefined) free.set(key, [...(free.get(key) ?? []), name]);
  }
  const taken = new Set(pairs.values());
  for (const name of before) {
    const key = taken.has(name) ? undefined : keyOf(name);
    const other = key === undefined ? undefined : free.get(key)?.shift();
    if (other !== undefined) pairs.set(other, name);
  }
}

/**
 * Which name of `before` each of `now` has: the same one, or one that differs in what changes from run to run alone. Of
 * several that fit the first of both lists come together. Pure.
 */
export function pairNames(before: readonly string[], now: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  pairBy((name) => name, before, now, pairs);
  pairBy(stableName, before, now, pairs);
  return pairs;
}

/** Test and parameters of `tests/test_a.py::test_b[x-1]`; undefined without any. */
function parametersOf(name: string): { test: string; values: string[] } | undefined {
  const [, test, values] = /^([^[]+)\[(.+)\]$/.exec(stableName(name)) ?? [];
  return test === undefined || values === undefined ? undefined : { test, values: values.split("-") };
}

/** By test: its names, and all of their parameters in order of the alphabet. */
function byTest(names: readonly string[]): Map<string, { names: string[]; values: string[] }> {
  const tests = new Map<string, { names: string[]; values: string[] }>();
  for (const name of names) {
    const { test, values } = parametersOf(name) ?? {};
    if (test === undefined || values === undefined) continue;
    const known = tests.get(test) ?? { names: [], values: [] };
    tests.set(test, { names: [...known.names, name], values: [...known.values, ...values].sort() });
  }
  return tests;
}

/**
 * As `pairNames`, for two runs of one suite: also parameters that come in another order and are numbered by it,
 * `test_b[x-0]`, `test_b[y-1]` and then `test_b[y-0]`, `test_b[x-1]`. Pure.
 */
export function pairRuns(before: readonly string[], now: readonly string[]): Map<string, string> {
  const pairs = pairNames(before, now);
  const taken = new Set(pairs.values());
  const left = byTest(before.filter((name) => !taken.has(name)));
  for (const [test, group] of byTest(now.filter((name) => !pairs.has(name)))) {
    const earlier = left.get(test);
    const same =
      earlier?.names.length === group.names.length && earlier.values.join("\0") === group.values.join("\0");
    if (same) pairBy(() => "", earlier?.names ?? [], group.names, pairs);
  }
  return pairs;
}
