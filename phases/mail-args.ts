import type { RolloutConfig } from "../config/schema.ts";

/** The server where mail is sent, and the folder where it is written otherwise. */
const wayArgs = ({ smtp, stack }: RolloutConfig, sends: boolean | undefined) => ({
  outbox: `reports/${stack}/outbox`,
  ...(sends ? { smtp } : {}),
});

/** Receivers are in no spec: they reach the step in its environment (mail/secrets.ts). */
export const noticeArgs = (config: RolloutConfig) => {
  const { change, migration, notice, window } = config;
  const { smtp, to: _, timeZone = window?.timeZone ?? "UTC", ...rest } = notice;
  const { strategy, maintenance } = migration;
  return {
    ...{ change, notice: rest, timeZone, ...wayArgs(config, smtp) },
    ...(strategy === "maintenance" ? { stopSeconds: maintenance?.timeoutSeconds } : {}),
  };
};

export const announcementArgs = (config: RolloutConfig) => {
  const { smtp, recipients, ...rest } = config.announcement ?? {};
  const { addresses: _, ...source } = recipients ?? {};
  return {
    ...{ announcement: rest, recipients: source, ...wayArgs(config, smtp) },
    ...{ appUrl: config.app.url, types: config.change.allowed },
  };
};
