import type { RolloutConfig } from "../../config/schema.ts";
import { announcement } from "../../steps/announcement.ts";
import type { Step } from "../../steps/step.ts";
import { HOUR, type StepOutline } from "./step-outline.ts";

/** The server where mail is sent, and the folder where it is written otherwise. */
const wayFields = ({ smtp, stack }: RolloutConfig, sends: boolean | undefined) => ({
  outbox: `reports/${stack}/outbox`,
  ...(sends ? { smtp } : {}),
});

/** Receivers are in no spec: they reach the step in its environment (mail/secrets.ts). */
export const noticeFields = (config: RolloutConfig) => {
  const { change, migration, notice, window } = config;
  const { smtp, to: _, timeZone = window?.timeZone ?? "UTC", ...rest } = notice;
  const { strategy, maintenance } = migration;
  return {
    ...{ change, notice: rest, timeZone, ...wayFields(config, smtp) },
    ...(strategy === "maintenance" ? { stopSeconds: maintenance?.timeoutSeconds } : {}),
  };
};

const announcementFields = (config: RolloutConfig) => {
  const { smtp, recipients, ...rest } = config.announcement ?? {};
  const { addresses: _, ...source } = recipients ?? {};
  return {
    ...{ announcement: rest, recipients: source, ...wayFields(config, smtp) },
    ...{ appUrl: config.app.url, types: config.change.allowed },
  };
};

/** Of phase 3. Its time limit is for what hangs: 10,000 recipients at 10 a second are a third of an hour. */
export const announcementOutline: StepOutline = {
  name: "announcement",
  step: announcement as Step,
  deadlineSeconds: 6 * HOUR,
  fields: announcementFields,
};
