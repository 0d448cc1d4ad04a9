import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

/** Where official releases come from. A mirror can be named instead. */
export function downloadBase() {
  return process.env.ROLLOUT_PULUMI_DOWNLOAD || "https://get.pulumi.com/releases/sdk";
}

/** Longest wait for an answer; a machine without network gets its refusal at once. */
const PATIENCE_MS = 3000;

/** True when the host of the official downloads answers, whatever it answers. */
export function reachesDownloads() {
  return new Promise((resolve) => {
    const ask = downloadBase().startsWith("http:") ? requestHttp : requestHttps;
    const probe = ask(downloadBase(), { method: "HEAD", agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    const timer = setTimeout(() => probe.destroy(new Error("no answer")), PATIENCE_MS);
    probe.on("error", () => resolve(false));
    probe.on("close", () => clearTimeout(timer));
    probe.end();
  });
}
