/** A field of a class that fills its fields from the environment. */
export interface SettingsField {
  /** Place of the field's name in the text. */
  at: number;
  /** The variable that it is filled from. */
  name: string;
}

const CLASS = /^([ \t]*)class[ \t]+(\w{1,200})[ \t]*\(([^()]{0,500})\)[ \t]*:/gm;
const PREFIX = /["']?\benv_prefix["']?\s{0,5}[=:]\s{0,5}["']([^"']{0,100})["']/;

/** The lines of a class, from its first one on to the next that is not deeper; with where they begin. */
function bodyOf(text: string, from: number, indent: number): { text: string; at: number } {
  const start = text.indexOf("\n", from) + 1;
  if (start === 0) return { text: "", at: text.length };
  const end = new RegExp(`^[ \\t]{0,${indent}}[^\\s#]`, "m").exec(text.slice(start));
  return { text: text.slice(start, end ? start + end.index : undefined), at: start };
}

/** Fields with the name of their own as variable: one with an alias names its variable there. */
function fieldsOf({ text, at }: { text: string; at: number }, whole: string): SettingsField[] {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1];
  if (indent === undefined) return [];
  const prefix = PREFIX.exec(whole)?.[1] ?? "";
  const field = new RegExp(`^${indent}([A-Za-z_]\\w{0,127})[ \\t]{0,9}:(?!=)`, "gm");
  const matches = [...text.matchAll(field)];
  return matches.flatMap(({ 1: name = "", index }, place) => {
    const statement = text.slice(index, matches[place + 1]?.index);
    const aliased = /\b(?:validation_alias|alias|env)\s{0,5}=/.test(
      statement.split(new RegExp(`\\n${indent}\\S`))[0] ?? "",
    );
    return aliased || /^(?:model_config|class|def)$/.test(name)
      ? []
      : [{ at: at + index + indent.length, name: `${prefix}${name}` }];
  });
}

/**
 * Fields of pydantic's settings in a Python file. Their names are variables of the environment, in any case, though they
 * look like constants. Classes that inherit within the file count. Pure.
 */
export function findSettingsFields(text: string): SettingsField[] {
  if (!text.includes("BaseSettings")) return [];
  const settings = new Set(["BaseSettings"]);
  return [...text.matchAll(CLASS)].flatMap(
    ({ 0: head, 1: indent = "", 2: name = "", 3: bases = "", index }) => {
      const isSettings = bases.split(",").some((base) => settings.has(base.trim().split(".").at(-1) ?? ""));
      if (!isSettings) return [];
      settings.add(name);
      const body = bodyOf(text, index + head.length - 1, indent.length);
      return fieldsOf(body, body.text);
    },
  );
}
