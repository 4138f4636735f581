// The page as its users meet it: opened from a file, in a real browser.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";

import { open, pagePath, root } from "./chromium.js";

const cases = process.env.KIWAME_GOLDEN ?? `${root}build/golden`;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DESCRIPTION = `schema = "kiwame-firmware/1"
[product]
vendor = "ACME"
model = "R1"
[release]
version = "1.0"
security-version = 1
`;
const hostile = "a\u202egpj.bin";

let page;
let tab;
let folder;
before(async () => {
  folder = await mkdtemp(`${tmpdir()}/kiwame-page-`);
  page = await open({ acceptDownloads: true });
  tab = page.tab;
});
after(async () => {
  await page.browser.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  await tab.reload();
  page.complaints.length = 0;
});

/** The files of a golden case under names that a user might give them. */
async function files(name) {
  const { sources } = JSON.parse(await readFile(`${cases}/${name}/request.json`, "utf8"));
  const endings = { image: "bin", manifest: "json", policy: "toml", key: "pem" };
  return Promise.all(
    sources.map(async ({ role }, index) => {
      const place = `${folder}/${name}-${index}.${endings[role]}`;
      await writeFile(place, await readFile(`${cases}/${name}/${index}`));
      return place;
    }),
  );
}

async function run(paths, { expect = "", confirm = false } = {}) {
  await tab.setInputFiles("#choose", paths);
  await tab.waitForFunction((count) => document.querySelectorAll("#list li").length === count, paths.length);
  if (expect) await tab.fill("#expect", expect);
  if (confirm) await tab.check("#confirmed");
  await tab.click("#start");
  await tab.waitForSelector("#result:not([hidden]), #problem:not([hidden])");
}

const image = async (bytes = "hello, firmware", name = "image.bin") => {
  await writeFile(`${folder}/${name}`, bytes);
  return `${folder}/${name}`;
};

test("nothing can leave the page", async () => {
  const policy = await tab.getAttribute('meta[http-equiv="Content-Security-Policy"]', "content");
  for (const rule of ["default-src 'none'", "connect-src 'none'", "form-action 'none'", "base-uri 'none'"]) {
    assert.ok(policy.includes(rule), rule);
  }
  assert.ok(!policy.includes("unsafe-inline") && !policy.includes("'unsafe-eval'"));
  const blocked = await tab.evaluate(() => fetch("https://example.org/").then(() => "sent", () => "blocked"));
  assert.equal(blocked, "blocked");
  const inWorker = await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const code = `fetch("https://example.org/").then(() => postMessage("sent"), () => postMessage("blocked"))`;
        const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
        worker.onmessage = ({ data }) => resolve(data);
      }),
  );
  assert.equal(inWorker, "blocked");
});

test("an inspection asks for nothing from anywhere, and gives no verdict", async () => {
  await run([await image()]);
  assert.deepEqual(page.complaints, []);
  assert.match(await tab.textContent("#verdict-title"), /cannot tell; this is not a pass/);
  assert.equal(await tab.evaluate(() => document.activeElement.id), "verdict-title");
});

test("the report that is saved names the image and the core", async () => {
  const bytes = "some bytes that mean nothing";
  await run([await image(bytes)]);
  const [download] = await Promise.all([tab.waitForEvent("download"), tab.click("#save")]);
  const report = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.equal(report.image.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.equal(report.tool.coreSha256, await tab.textContent("#core-digest"));
});

test("a core of another digest is not started", async () => {
  const html = await readFile(pagePath, "utf8");
  const mark = /(id="core-digest">)[0-9a-f]{8}/;
  assert.match(html, mark);
  const other = await open({}, await image(html.replace(mark, "$100000000"), "other.html"));
  await other.tab.setInputFiles("#choose", [await image()]);
  await other.tab.click("#start");
  await other.tab.waitForSelector("#problem:not([hidden])");
  assert.match(await other.tab.textContent("#problem"), /the core's SHA-256 is .*, should be 00000000/);
  await other.browser.close();
});

test("a key that came with the image stays at warning until it is confirmed", async () => {
  const kiwame = (...args) => promisify(execFile)(process.env.KIWAME ?? `${root}target/release/kiwame`, args, { cwd: folder });
  await writeFile(`${folder}/firmware.toml`, DESCRIPTION);
  await image("firmware that somebody signed", "signed.bin");
  await kiwame("key", "new", "-o", "maker.key");
  await kiwame("attest", "signed.bin", "--describe", "firmware.toml", "--key", "maker.key", "-o", "signed.json");
  const { stdout: fingerprint } = await kiwame("key", "show", "maker.key.pub");

  const paths = ["signed.bin", "signed.json", "maker.key.pub"].map((name) => `${folder}/${name}`);
  await run(paths, { expect: "ACME/R1@1.0" });
  assert.equal(await tab.textContent("#fingerprint"), fingerprint.split("\n")[0]);
  assert.match(await tab.textContent("#verdict-title"), /needs a person; not accepted as it is/);
  assert.ok(await tab.isDisabled("#save"));

  await tab.check("#confirmed");
  await tab.click("#start");
  await tab.waitForFunction(() => document.getElementById("status").textContent === TEXTS.en.done);
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
  assert.ok(await tab.isEnabled("#save"));
});

test("an empty image and a missing image are said to be so", async () => {
  await run([await image("")]);
  assert.match(await tab.textContent("#problem"), /is empty/);
  await tab.click("#clear");
  await run([await image("ed25519:00", "key.pub")]);
  assert.match(await tab.textContent("#problem"), /No image/);
});

test("a name cannot turn the text around", async () => {
  await run([await image("x", hostile)]);
  const text = await tab.textContent("main");
  assert.ok(!text.includes("\u202e"));
  assert.ok(text.includes("\\u{202e}"));
});

test("Japanese has every word that English has", async () => {
  const missing = await tab.evaluate(() => {
    const keys = (object, path = "") =>
      Object.entries(object).flatMap(([key, value]) =>
        typeof value === "object" ? keys(value, `${path}${key}.`) : [`${path}${key}`],
      );
    const ja = new Set(keys(TEXTS.ja));
    const en = new Set(keys(TEXTS.en));
    return [...en].filter((key) => !ja.has(key)).concat([...ja].filter((key) => !en.has(key)));
  });
  assert.deepEqual(missing, []);
});

test("the same verdict in Japanese", async () => {
  await run([await image()]);
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("判定不能(合格ではない)"));
  assert.equal(await tab.getAttribute("html", "lang"), "ja");
});

for (const [scheme, language] of [["light", "english"], ["dark", "japanese"]]) {
  test(`axe finds nothing, ${scheme}, ${language}`, async () => {
    await tab.emulateMedia({ colorScheme: scheme });
    await run(await files("tamper_modified_driver"), { expect: "EDK II/OVMF" });
    await tab.click(`#${language}`);
    await tab.waitForTimeout(200);
    await tab.evaluate(axe);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await tab.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
    assert.deepEqual(found, []);
    await tab.emulateMedia({ colorScheme: null });
  });
}

test("the tree opens and closes by keyboard", async () => {
  const [first] = await files("inspect_ovmf_code_4m_fd");
  await run([first]);
  const count = () => tab.locator("#tree tbody tr").count();
  const before = await count();
  await tab.focus('#tree tr[tabindex="0"]');
  await tab.keyboard.press("ArrowDown");
  await tab.keyboard.press("ArrowRight");
  const opened = await count();
  assert.ok(opened > before);
  await tab.keyboard.press("Enter");
  assert.ok((await tab.locator("#details dd").count()) > 0);
  await tab.keyboard.press("ArrowLeft");
  assert.equal(await count(), before);
});
