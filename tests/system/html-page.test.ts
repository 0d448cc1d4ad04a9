import assert from "node:assert/strict";
import { html } from "@remix-run/html-template";
import { describe, it } from "mocha";
import { facts, htmlPage, linkTo, table } from "../../system/html-page.ts";

const EVIL = `"'><script>x</script>&`;

describe("a page", () => {
  it("lets no text out of its place: title, cell, fact, link", () => {
    const body = html`${facts({ [EVIL]: EVIL })}${table([EVIL], [[EVIL]])}${linkTo(EVIL)}${EVIL}`;
    const page = htmlPage({ title: EVIL, body });
    assert.doesNotMatch(page, /<script/);
    assert.equal(page.match(/&lt;script&gt;/g)?.length, 7);
    assert.match(page, /href="%22&#39;%3E%3Cscript%3Ex%3C\/script%3E%26"/);
  });

  it("needs nothing beside itself", () => {
    const page = htmlPage({ title: "t", body: html`<p>b</p>` });
    assert.doesNotMatch(page, /src=|url\(|@import|<link/);
    assert.match(page, /<main>\n<p>b<\/p>\n<\/main>/);
    assert.match(page, /:root \{ color-scheme: light dark;/);
  });
});
