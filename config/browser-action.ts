import { z } from "zod";

const Path = z
  .string()
  .max(1000)
  .regex(/^\/\S*$/, "a path from / (braces stand for what is kept or random)");
const Label = z.string().min(1).max(200);
const Text = z.string().max(2000);
const Name = z.string().min(1).max(100);

/** Words by their labels: what a person reads beside a field → text. */
const Texts = z.record(Label, Text).refine((texts) => Object.keys(texts).length > 0, "a label and its text");

/** Roles that an element may be told by, as a screen reader says them; `field` and `text` are said in other ways. */
export const ELEMENT_KINDS = [
  ...["field", "text", "button", "link", "heading", "checkbox", "radio", "tab", "menuitem", "dialog"],
  ...["table", "img", "status", "alert"],
] as const;

/** An element as a person would tell it: a kind and the words on it. */
const ElementName = z
  .string()
  .max(300)
  .regex(
    new RegExp(`^(${ELEMENT_KINDS.join("|")}) "[^"\\n]+"$`),
    `an element such as button "Create deal": one of ${ELEMENT_KINDS.join(", ")}, then its words in double quotes`,
  );

const Row = z.strictObject({
  table: Label.describe("Caption of the table."),
  contains: Text.min(1).describe("Text within one row."),
});

const countSet = (value: object) => Object.values(value).filter((part) => part !== undefined).length;

/** What has to be seen, at the latest when the action's time is over. */
export const Expectation = z
  .strictObject({
    visible: ElementName.optional().describe("An element that is seen."),
    absent: ElementName.optional().describe("An element that is not seen."),
    value: Texts.optional().describe("Fields by label → text in them."),
    selected: Texts.optional().describe("Lists by label → option that is chosen, by its words."),
    required: Label.optional().describe("Label of a field that has to be filled in."),
    path: Path.optional().describe(
      "Path of the page. A name in braces stands for one part of it that holds a digit, and is kept: /deals/{deal}.",
    ),
    row: Row.optional().describe("A row that a table has."),
    noRow: Row.optional().describe("A row that no table of that caption has."),
    help: z
      .strictObject({
        field: Label.describe("Label of a list."),
        options: Texts.describe("Its options → words that the help text says once the option is chosen."),
      })
      .optional()
      .describe("Help that is tied to a field (aria-describedby) and changes with its options."),
  })
  .refine((expectation) => countSet(expectation) === 1, "one expectation for each action");
export type Expectation = z.infer<typeof Expectation>;

/** One thing a person does or sees. */
export const Action = z
  .strictObject({
    open: Path.optional().describe("Opens a page below app.url."),
    fill: Texts.optional().describe(
      "Types into fields by label. {marker} = a new name of a test deal, {secret:NAME} = a variable of this program's environment.",
    ),
    select: Texts.optional().describe("Chooses options of lists, by label and by the option's words."),
    press: z
      .strictObject({
        key: z
          .string()
          .regex(/^[A-Za-z0-9+]{1,40}$/, "a key such as Enter, Tab or Control+A")
          .describe("Key."),
        on: ElementName.optional().describe("Element that gets it; without it the one in focus."),
      })
      .optional()
      .describe("Presses a key."),
    click: ElementName.optional().describe('Clicks an element: button "Create deal".'),
    expect: Expectation.optional().describe("What has to be seen."),
    screenshot: Name.optional().describe("Takes three pictures of the page: light, dark and narrow."),
    run: Name.optional().describe("Name of one of `flows`, whose actions are done here."),
    with: z
      .record(z.string().regex(/^[a-z]\w{0,40}$/i, "a word"), Text)
      .optional()
      .describe("Beside run: what {names} in braces stand for in its actions."),
  })
  .refine(
    ({ with: _, ...verbs }) => countSet(verbs) === 1,
    "one of open, fill, select, press, click, expect, screenshot and run",
  )
  .refine((action) => action.with === undefined || action.run !== undefined, "with only beside run");
export type Action = z.infer<typeof Action>;
