import * as pulumi from "@pulumi/pulumi";
import type { TestSuiteSpec } from "../steps/test-suite.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What TestSuite is given. */
export type TestSuiteArgs = StepArgs<TestSuiteSpec>;

/**
 * Runs the application's own tests and keeps what became of each, as the baseline of later runs.
 * @see runbook 0.2
 */
export class TestSuite extends pulumi.ComponentResource {
  /** Tests that ran, skipped ones not counted. */
  readonly ran: pulumi.Output<number>;
  /** Failing tests, all of them known. */
  readonly failed: pulumi.Output<number>;

  constructor(name: string, args: TestSuiteArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:pre-flight:TestSuite", name, {}, opts);
    const command = stepCommand(name, "test-suite", args, this);
    this.ran = resultField<number>(command, "ran");
    this.failed = resultField<number>(command, "failed");
    this.registerOutputs({ ran: this.ran, failed: this.failed });
  }
}
