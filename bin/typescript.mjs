/** Runs a module of this project in this process, as `node --import tsx` would. */
export async function runTypeScript(path) {
  // For the reason that toolchain.mjs gives.
  process.env.TSX_DISABLE_CACHE = "1";
  const { register } = await import("tsx/esm/api");
  register();
  await import(new URL(`../${path}`, import.meta.url).href);
}
