/**
 * The variables of this program's own environment that a configured command is given: those that the configuration
 * names, where they are set. No other variable of ours.
 */
export function inheritedVariables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Shorter values would hide half of an ordinary text. */
const SHORTEST_SECRET = 4;

/** The text without these values: what was handed over may be secret, and is repeated in no message and no evidence. */
export function hideValues(text: string, values: readonly string[]): string {
  return values
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .reduce((shown, value) => shown.replaceAll(value, "***"), text);
}

/** As `hideValues`, for the variables of these names. */
export const hideInherited = (text: string, names: readonly string[]): string =>
  hideValues(text, Object.values(inheritedVariables(names)));
