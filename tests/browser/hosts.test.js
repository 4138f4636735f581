// One core, three hosts: every golden case gives the same bytes natively, in wasmtime and in Chromium.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import { after, before, test } from "node:test";

import { open, root, run } from "./chromium.js";

const cases = process.env.KIWAME_GOLDEN ?? `${root}build/golden`;
const kiwame = process.env.KIWAME ?? `${root}target/release/kiwame`;

let page;
before(async () => (page = await open()));
after(() => page.browser.close());

/** Exit code and outputs by name, as text. */
async function outputs(folder) {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(`${folder}/${name}`, "utf8")])));
}

async function inWasmtime(folder, sources) {
  const output = `${folder}/wasmtime`;
  await rm(output, { recursive: true, force: true });
  await mkdir(output);
  const args = ["core", "--output", output, `${folder}/request.json`, ...sources];
  const exit = await new Promise((resolve) => execFile(kiwame, args, (error) => resolve(error ? error.code : 0)));
  return { exit: String(exit), ...(await outputs(output)) };
}

async function inChromium(folder, sources) {
  const response = await run(page.tab, await readFile(`${folder}/request.json`, "utf8"), sources);
  return { exit: String(response.exit), ...response.outputs };
}

/** Where two answers part. Reports are megabytes: a whole difference helps nobody. */
function difference(found, expected) {
  for (const name of new Set([...Object.keys(found), ...Object.keys(expected)])) {
    const [left, right] = [found[name] ?? "(absent)", expected[name] ?? "(absent)"];
    if (left === right) continue;
    const length = Math.min(left.length, right.length);
    let at = 0;
    while (at < length && left[at] === right[at]) at += 1;
    const near = (text) => JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
    return `${name} differs at ${at}: ${near(left)}, natively ${near(right)}`;
  }
  return "";
}

const names = (await readdir(cases)).sort();
test("there are golden cases", () => assert.ok(names.length > 20, `only ${names.length}`));

for (const name of names) {
  test(name, async () => {
    const folder = `${cases}/${name}`;
    const files = (await readdir(folder)).filter((file) => /^\d+$/.test(file)).sort((a, b) => a - b);
    const sources = files.map((file) => `${folder}/${file}`);
    const native = await outputs(`${folder}/native`);
    assert.equal(difference(await inWasmtime(folder, sources), native), "", "wasmtime");
    assert.equal(difference(await inChromium(folder, sources), native), "", "Chromium");
  });
}
