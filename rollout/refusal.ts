import * as pulumi from "@pulumi/pulumi";

/**
 * The error that ends a preview or update with a message and nothing else.
 *
 * Its stack is set to the message: Pulumi reads the stack of every error that ends a program, and mapping it to
 * the TypeScript sources takes 10 s and more (measured; `source-map-support` over tsx's inline maps).
 */
export function refusal(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = message;
  return error;
}
