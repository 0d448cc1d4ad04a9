import type { Host } from "../config/target.ts";

/** What of a host the step uses, so that another service there is no change of it. */
export const shadowHost = ([host]: readonly Host[]) =>
  host && {
    ...{ name: host.name, envFile: host.envFile, appDir: host.appDir },
    ...(host.envFileReader ? { envFileReader: host.envFileReader } : {}),
    ...(host.path ? { path: host.path } : {}),
    ...shadowUnit(host),
    ...shadowHealth(host),
  };

/** The service that an instance stands for. */
function shadowUnit({ services }: Host) {
  const web = services.filter(({ kind }) => kind === "web");
  const unit = (web.find(({ health }) => health) ?? web[0])?.unit;
  return unit === undefined ? {} : { unit };
}

/** A private instance says what it is where the web service does; nothing where that is the usual place. */
function shadowHealth({ services }: Host) {
  const web = services.find(({ kind, health }) => kind === "web" && health);
  const { pathname = "/health", search = "" } = web?.health ? new URL(web.health) : {};
  const [path, fields] = [pathname + search, web?.healthFields];
  return path === "/health" && !fields ? {} : { health: { path, ...(fields ? { fields } : {}) } };
}
