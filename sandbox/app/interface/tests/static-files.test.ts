import assert from "node:assert/strict";
import { test } from "node:test";
import { AWARE } from "./aware.ts";
import { withApp } from "./fixture.ts";

test("pages bring their style, script and icon from here only, and nothing inline", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", { name: "n", target_name: "t" });
    for (const path of ["/deals", "/deals/create", "/deals/1", "/deals/1/edit"]) {
      const { body, headers } = await ask("GET", path);
      assert.doesNotMatch(body, /https?:|<style|style=| on\w+=|<script(?! src=)/, path);
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none';/);
      assert.equal(headers.get("cache-control"), "no-store");
      for (const [, url] of body.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)) {
        const file = await ask("GET", url);
        assert.equal(file.status, 200);
        assert.equal(file.headers.get("cache-control"), "public, max-age=31536000, immutable");
      }
    }
  }));

test("a file under another release's address is not kept, and one that is known is not sent again", () =>
  withApp(AWARE, async (ask) => {
    const { headers } = await ask("GET", "/static/app.css?v=0123456789abcdef");
    assert.equal(headers.get("cache-control"), "no-cache");
    const etag = headers.get("etag") ?? "";
    const again = await ask("GET", "/static/app.css", undefined, { "if-none-match": etag });
    assert.deepEqual([again.status, again.body], [304, ""]);
  }));

test("browsers that look for an icon find it; nothing but the static files can be had", () =>
  withApp(AWARE, async (ask) => {
    const { status, headers } = await ask("GET", "/favicon.ico");
    assert.deepEqual([status, headers.get("content-type")], [200, "image/svg+xml"]);
    for (const path of [
      "/static/",
      "/static/../router.ts",
      "/static/%2e%2e/router.ts",
      "/static/constructor",
    ])
      assert.equal((await ask("GET", path)).status, 404, path);
  }));

test("asked for the head only, a page answers with its head", () =>
  withApp(AWARE, async (ask) => {
    const { status, body, headers } = await ask("HEAD", "/deals/create");
    assert.deepEqual([status, body], [200, ""]);
    assert.ok(Number(headers.get("content-length")) > 1000);
  }));
