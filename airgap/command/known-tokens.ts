/** The resource and the function that this plugin serves. */
export const COMMAND = "command:local:Command";
export const RUN = "command:local:run";

/**
 * Refuses by name what this plugin does not serve.
 * @throws an error with the way to the official plugin
 */
export function requireKnown(token: string, known: string): void {
  if (token === known) return;
  throw new Error(
    `command plugin: expected ${COMMAND} or ${RUN}, got ${token}. ` +
      "The built-in plugin has local commands only: install the official one (pulumi plugin install resource command 1.2.1).",
  );
}
