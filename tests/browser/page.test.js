// The page as its users meet it: opened from a file, in a real browser.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

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
/** What the page has asked, and whether that is declined. */
const dialogs = [];
let staying = false;
before(async () => {
  folder = await mkdtemp(`${tmpdir()}/kiwame-page-`);
  page = await open({ acceptDownloads: true });
  tab = page.tab;
  // Chromium asks before a result is lost; here nobody minds.
  tab.on("dialog", (dialog) => {
    dialogs.push(dialog.type());
    return staying ? dialog.dismiss() : dialog.accept();
  });
});
after(async () => {
  await page.browser.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  await tab.reload();
  page.complaints.length = 0;
  dialogs.length = 0;
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

async function run(paths, { expect = "", confirm = false, again = false } = {}) {
  if (again) {
    await tab.click("#clear");
    await settled(0);
  }
  await tab.setInputFiles("#choose", paths);
  await settled(paths.length);
  if (expect) await tab.fill("#expect", expect);
  if (confirm) await tab.check("#confirmed");
  await begin("#result");
}

/** Starts, and does without the confirmation where it is asked for first. */
async function begin(shown) {
  await tab.click("#start");
  await tab.waitForSelector(`${shown}:not([hidden]), #problem:not([hidden])`);
  if (await tab.isHidden("#anyway")) return;
  await tab.click("#anyway");
  await tab.waitForSelector(`${shown}:not([hidden]), #problem:not([hidden], :has(#anyway))`);
}

/** Waits until the page has looked at so many files. */
const settled = (count) =>
  tab.waitForFunction(
    (wanted) => document.querySelectorAll("#list li").length === wanted && !document.getElementById("list").ariaBusy,
    count,
  );

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
  assert.match(await tab.textContent("#verdict-title"), /nothing was compared, this is no verdict/);
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

/** A maker's release: image, manifest, both halves of the key, a policy, and what may be wrong with each. */
let release;
const place = (name) => `${folder}/${name}`;
async function made() {
  if (release) return release;
  const kiwame = (...args) => promisify(execFile)(process.env.KIWAME ?? `${root}target/release/kiwame`, args, { cwd: folder });
  await writeFile(place("firmware.toml"), DESCRIPTION);
  await image("firmware that somebody signed", "signed.bin");
  await kiwame("key", "new", "-o", "maker.key");
  await kiwame("key", "new", "-o", "other.key");
  await kiwame("attest", "signed.bin", "--raw", "--describe", "firmware.toml", "--key", "maker.key", "-o", "signed.json");
  const policy = (await kiwame("policy", "new", "--key", "maker.key.pub", "--expect", "ACME/R1")).stdout;
  await writeFile(place("policy.toml"), policy);
  await writeFile(place("floor.toml"), policy.replace("threshold = 1", "threshold = 1\nmin-security-version = 9"));
  await writeFile(place("others.toml"), policy.replaceAll("ACME", "Other"));
  await writeFile(place("broken.toml"), policy.replace("threshold = 1", "threshold = [1"));
  await writeFile(place("large.toml"), policy + "#".repeat(2 << 20));
  await writeFile(place("cut.json"), (await readFile(place("signed.json"), "utf8")).slice(0, 300));
  await writeFile(place("empty.json"), "");
  release = { fingerprint: (await kiwame("key", "show", "maker.key.pub")).stdout.split("\n")[0] };
  return release;
}

test("a key that came with the image stays at warning until it is confirmed", async () => {
  const { fingerprint } = await made();
  const paths = ["signed.bin", "signed.json", "maker.key.pub"].map(place);
  await run(paths, { expect: "ACME/R1@1.0" });
  assert.equal(await tab.textContent("#fingerprint"), fingerprint);
  assert.match(await tab.textContent("#verdict-title"), /needs a person; not accepted as it is/);
  assert.match(await tab.textContent("#facts"), /Exit code7$/);
  assert.ok(await tab.isDisabled("#save"));

  // What cannot be done says why.
  assert.match(await tab.getAttribute("#save", "aria-describedby"), /^save-why$/);
  assert.equal(await tab.textContent("#save-why"), "Can be saved when the key is confirmed.");

  await tab.click("#confirm-now");
  assert.equal(await tab.evaluate(() => document.activeElement.id), "confirmed");
  // Nothing has to be done again for it.
  await tab.keyboard.press("Space");
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
  assert.match(await tab.textContent("#said"), /matches the signed reference/);
  assert.equal(await tab.evaluate(() => document.activeElement.id), "confirmed");
  assert.match(await tab.textContent("#facts"), /Exit code0$/);
  assert.ok(await tab.isEnabled("#save"));
  assert.equal(await tab.textContent("#save-why"), "");
  await tab.keyboard.press("Space");
  assert.match(await tab.textContent("#verdict-title"), /needs a person/);
  assert.ok(await tab.isDisabled("#save"));
});

test("the confirmation is asked for before the work, and the work done without it only when somebody says so", async () => {
  await made();
  for (const [paths, expect, words] of [[["maker.key.pub"], "ACME/R1", /the key is not confirmed yet/], [["policy.toml"], "", /the policy is not confirmed yet/]]) {
    await tab.reload();
    await tab.setInputFiles("#choose", ["signed.bin", "signed.json", ...paths].map(place));
    await settled(3);
    await tab.evaluate(() => {
      const told = ask;
      globalThis.asks = 0;
      globalThis.ask = (...others) => ((globalThis.asks += 1), told(...others));
    });
    await tab.fill("#expect", expect);
    await tab.click("#start");
    await tab.waitForSelector("#problem:not([hidden])");
    assert.match(await tab.textContent("#problem"), words);
    assert.equal(await tab.evaluate(() => globalThis.asks), 0);
    await tab.locator("#problem button").first().click();
    assert.equal(await tab.evaluate(() => document.activeElement.id), "confirmed");
    await tab.keyboard.press("Space");
    assert.ok(await tab.isHidden("#problem"));
    await tab.click("#start");
    await tab.waitForSelector("#result:not([hidden])");
    assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
  }
});

test("a unit that does not match is held as well until the key or the policy is confirmed, and a lot of them", async () => {
  await dumps();
  for (const [beside, expect, what] of [["maker.key.pub", "ACME/R1", "key"], ["policy.toml", "", "policy"]]) {
    await tab.reload();
    await run(["SN2.bin", "signed.json", beside].map(place), { expect });
    assert.match(await tab.textContent("#verdict-title"), /^✗does not match the reference or the rules/);
    assert.match(await tab.textContent("#verdict-note"), new RegExp(`^The ${what} is not confirmed`));
    assert.match(await tab.textContent("#facts"), /Exit code1$/);
    assert.ok((await tab.isDisabled("#save")) && (await tab.isVisible("#confirm-now")));
    assert.equal(await tab.textContent("#save-why"), `Can be saved when the ${what} is confirmed.`);
    await tab.check("#confirmed");
    assert.equal(await tab.textContent("#verdict-note"), "Not accepted.");
    assert.match(await tab.textContent("#said"), /does not match .* Not accepted\.$/);
    assert.ok((await tab.isEnabled("#save")) && (await tab.isHidden("#confirm-now")));
  }
  await tab.reload();
  await lotOf(["SN2.bin", "a&b.bin", "signed.json", "policy.toml"], { confirm: false });
  assert.match(await tab.textContent("#lot-title"), /^✗does not match/);
  assert.match(await tab.textContent("#lot-note"), /^The policy is not confirmed/);
  assert.equal(await tab.locator("#lot-save button:disabled").count(), 5);
});

test("what a late confirmation changes is seen, and the focus stays in the box", async () => {
  await made();
  await run(["signed.bin", "signed.json", "policy.toml"].map(place));
  await tab.click("#confirm-now");
  await tab.evaluate(() => id("confirmed").scrollIntoView({ block: "end" }));
  assert.ok(!(await inScreen("#verdict-title")));
  await tab.keyboard.press("Space");
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
  assert.ok(await inScreen("#verdict-title"));
  assert.equal(await focused(), "confirmed");
  assert.match(await tab.textContent("#said"), /matches the signed reference.* Accepted by the policy\.$/);
});

test("a run that is asked for before the key was looked at is not taken for confirmed", async () => {
  await made();
  await tab.setInputFiles("#choose", ["signed.bin", "signed.json", "maker.key.pub"].map(place));
  await settled(3);
  await tab.fill("#expect", "ACME/R1");
  await tab.evaluate(() => {
    filesChanged();
    start();
  });
  await tab.click("#anyway");
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#verdict-title"), /needs a person/);
  assert.ok(await tab.isDisabled("#save"));
});

test("two questions at once get each its own answer", async () => {
  await run([await image()]);
  const exits = await tab.evaluate(async () => {
    const text = (words) => new TextEncoder().encode(words);
    const image = ask("inspect", [{ role: "image", name: "a", data: text("an image") }], { render: "json" });
    const key = ask("key-show", [{ role: "key", name: "b", data: text("no key") }]);
    const late = new Promise((resolve) => setTimeout(() => resolve([{ exit: "late" }]), 10_000));
    return (await Promise.race([Promise.all([image, key]), late])).map(({ exit }) => exit);
  });
  assert.deepEqual(exits, [0, 4]);
});

test("a file that is added while the core works does not get the answer of another", async () => {
  await made();
  const shown = await tab.evaluate(async () => {
    const file = (text, name) => new File([text], name);
    await add([file("one image", "one.bin")]);
    const running = start();
    await add([file("ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "a.pub")]);
    await running;
    return [id("result").hidden, id("status").textContent === TEXTS.en.stale, id("fingerprint").textContent];
  });
  assert.deepEqual(shown, [true, true, "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]);
});

test("what is confirmed of a key is not what is confirmed of a policy", async () => {
  await made();
  const words = async (paths, language) => {
    await tab.reload();
    await tab.click(`#${language}`);
    await tab.setInputFiles("#choose", paths.map(place));
    await settled(paths.length);
    return (await tab.textContent("#confirmation")).replace(/\s+/g, " ");
  };
  const key = await words(["signed.bin", "maker.key.pub"], "english");
  assert.match(key, /Compare its fingerprint .* Fingerprint of the key: ed25519:[0-9a-f]{64} .*the key is the maker’s/);
  assert.doesNotMatch(key, /policy|digest/i);
  const policy = await words(["signed.bin", "policy.toml"], "english");
  const digest = createHash("sha256").update(await readFile(place("policy.toml"))).digest("hex");
  assert.match(policy, new RegExp(`Compare the digest .* Digest of the policy file: sha256:${digest} .*the policy is mine`));
  assert.doesNotMatch(policy, /fingerprint|the maker’s/i);
  assert.match(await words(["signed.bin", "maker.key.pub"], "japanese"), /フィンガープリント.*製造者の鍵と確認した/);
  assert.doesNotMatch(await words(["signed.bin", "policy.toml"], "japanese"), /フィンガープリント|製造者/);
  await tab.click("#english");
  await run(["signed.bin", "signed.json", "policy.toml"].map(place), { again: true });
  assert.match(await tab.textContent("#verdict-note"), /^The policy is not confirmed. Compare the digest/);
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

test("one byte is not many", async () => {
  await run([await image("x", "one.bin")]);
  for (const name of ["#list .size", "#about", "#account-file"]) assert.match(await tab.textContent(name), /\b1 byte\b/, name);
});

test("the same verdict in Japanese", async () => {
  await run([await image()]);
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("判定ではない"));
  assert.equal(await tab.getAttribute("html", "lang"), "ja");
});

for (const [scheme, language] of [["light", "english"], ["dark", "japanese"]]) {
  test(`axe finds nothing, ${scheme}, ${language}`, async () => {
    await tab.emulateMedia({ colorScheme: scheme });
    await run(await files("tamper_modified_driver"), { expect: "EDK II/OVMF" });
    await tab.click(`#${language}`);
    await tab.waitForTimeout(200);
    assert.deepEqual(await violations(), []);
    await tab.emulateMedia({ colorScheme: null });
  });
}

for (const scheme of ["light", "dark"]) {
  test(`axe finds nothing in the files of a router, ${scheme}`, async () => {
    await tab.emulateMedia({ colorScheme: scheme });
    for (const width of [1280, 380]) {
      await tab.setViewportSize({ width, height: 800 });
      await shownReport(JSON.parse(await readFile(`${cases}/router_capability_added/native/report`, "utf8")));
      await tab.locator("#findings .link").first().click();
      assert.deepEqual(await violations(), []);
    }
    await tab.setViewportSize({ width: 1280, height: 720 });
    await tab.emulateMedia({ colorScheme: null });
  });
}

async function violations() {
  await tab.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations: found } = await tab.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
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

/** The texts of the cells of a row: what a person reads, column by column. */
const row = (name) =>
  tab.evaluate((text) => {
    const found = [...document.querySelectorAll("#tree tbody tr")].filter((line) => line.cells[0].textContent.startsWith(text));
    return found.map((line) => [...line.cells].map((cell) => cell.textContent));
  }, name);

/** Opens rows by keyboard, from the first row down: each step is how the first cell of a row begins. */
async function walk(...steps) {
  await tab.focus('#tree tbody tr[tabindex="0"]');
  await tab.keyboard.press("Home");
  for (const step of steps) {
    const there = () => tab.evaluate(() => document.activeElement.cells[0].textContent.replace(/^▸/, ""));
    for (let tries = 0; tries < 200 && !(await there()).startsWith(step); tries += 1) await tab.keyboard.press("ArrowDown");
    assert.ok((await there()).startsWith(step), `${step}: no row`);
    if ((await tab.evaluate(() => document.activeElement.ariaExpanded)) === "false") await tab.keyboard.press("ArrowRight");
  }
}

const PARSED = "parsed, no reference value";
const details = () =>
  tab.evaluate(() =>
    [...document.querySelectorAll("#details dl")].map((list) =>
      Object.fromEntries([...list.querySelectorAll("dt")].map((term) => [term.textContent, term.nextElementSibling.textContent])),
    ),
  );

test("a file system reads like a listing, and every level of it is in the details", async () => {
  await run([`${root}firmware-samples/router/router.bin`]);
  const heads = await tab.locator("#tree thead th:visible").allTextContents();
  assert.deepEqual(heads, ["Region", "Class", "Mode", "Owner", "Bytes", "Offset"]);
  assert.equal((await row("▸0x200000"))[0][1], `in part: ${PARSED}`);

  await walk("0x200000", "/ squashfs", "bin ", "dev ", "etc ", "sbin ");
  assert.deepEqual(await row("▸/ squashfs-files"), [["▸/ squashfs-files", PARSED, "drwxr-xr-x", "0:0", "2,286", "0x200060"]]);
  assert.deepEqual(await row("▸etc "), [["▸etc directory", PARSED, "drwxr-xr-x", "0:0", "", ""]]);
  assert.deepEqual(await row("tmp "), [["tmp directory", PARSED, "drwxrwxrwt", "0:0", "", ""]]);
  assert.deepEqual(await row("init "), [["init symbolic-link → ../bin/busybox", PARSED, "lrwxrwxrwx", "0:0", "", ""]]);
  assert.deepEqual(await row("console "), [["console character-device 5:1", PARSED, "crw-------", "0:0", "", ""]]);
  assert.deepEqual(await row("▸ash "), [["▸ash file", PARSED, "-rwxr-xr-x", "0:0", "8,848", ""]]);
  assert.deepEqual(await row("busybox "), [["busybox file = /bin/ash", PARSED, "-rwxr-xr-x", "0:0", "", ""]]);
  assert.deepEqual(await row("os-release "), [["os-release file", PARSED, "-rw-r--r--", "0:0", "33", ""]]);

  await walk("0x200000", "/ squashfs", "etc ", "os-release ");
  await tab.keyboard.press("Enter");
  const shown = await details();
  const file = "found:0x200000/squashfs:files/decoded:content/dir:etc/file:os-release";
  assert.deepEqual(shown.map((list) => list.Path), [file, `${file}/decoded:content`]);
  assert.equal(shown[0].Mode, "-rw-r--r-- 0644");
  assert.equal(shown[0].Modified, "2025-06-15T15:06:40Z");
  assert.equal(shown[0]["Extended attributes"], "none");

  // A line of a file lies directly below the file, under the words that stand in it.
  await walk("0x200000", "/ squashfs", "etc ", "inittab ", "::respawn:/opt/router/routerd ");
  const levels = await tab.evaluate(() => [document.activeElement.ariaLevel, document.activeElement.ariaPosInSet, document.activeElement.ariaSetSize]);
  assert.deepEqual(levels, ["6", "2", "3"]);
  await tab.keyboard.press("ArrowLeft");
  assert.match(await tab.evaluate(() => document.activeElement.cells[0].textContent), /^▸inittab file/);
});

test("every region of a report is behind exactly one row", async () => {
  await run([`${root}firmware-samples/router/router.bin`]);
  const [regions, shown, lost] = await tab.evaluate(() => {
    const list = [];
    const down = (node) => {
      list.push(...node.parts.filter((part) => !part.implied));
      node.children.forEach(down);
    };
    grid.root.children.forEach(down);
    const { regions: all } = answer.report;
    return [all.length, new Set(list).size, all.filter((region) => !nodeAt(grid.root, region).parts.includes(region)).length];
  });
  assert.equal(shown, regions);
  assert.equal(lost, 0);
});

test("a mode, a capability and a whiteout are seen in the row, and their findings named by the file", async () => {
  const words = {
    rule_06_only_a_mode_changed: ["ash file setuid: runs as its owner ✗ 1 finding", "-rwsr-xr-x"],
    router_capability_added: ["routerd file capability ✗ 1 finding", "-rwxr-xr-x"],
    rule_06_whiteout_in_the_overlay: ["shadow whiteout hides the file below ✗ 1 finding", "crw-r--r--"],
  };
  for (const [name, [text, mode]] of Object.entries(words)) {
    const report = JSON.parse(await readFile(`${cases}/${name}/native/report`, "utf8"));
    const place = await shownReport(report);
    await tab.locator("#findings .link").first().click();
    // What breaks its rule is not within it, and not hidden by what is empty.
    if (name.includes("whiteout")) assert.equal((await row("▸overlay "))[0][1], "in part: differs from the reference");
    const [cells] = await row(text.slice(0, text.indexOf(" ") + 1));
    assert.deepEqual([cells[0], cells[2]], [text, mode], name);
    assert.match(place, new RegExp(`^partition \\w+ › .* › /`));
  }
  // Mutable is worse than erased: what differs from device to device is not hidden by what is empty.
  await shownReport(JSON.parse(await readFile(`${cases}/router_twin/native/report`, "utf8")));
  assert.equal((await row("▸overlay "))[0][1], "in part: mutable, within its rules");
  await shownReport(JSON.parse(await readFile(`${cases}/router_capability_added/native/report`, "utf8")));
  await tab.locator("#findings .link").first().click();
  assert.match((await details())[0]["Extended attributes"], /^security\.capability=/);
});

/** Shows a report that was made elsewhere: the keys of the golden cases are public, and the page accepts none of those. */
async function shownReport(report) {
  await tab.evaluate((given) => {
    const sentences = given.findings.map(({ message, remedy }) => ({ message, remedy }));
    answer = { report: given, bytes: new Uint8Array(), words: { findings: sentences, notSeen: [] }, name: "image.bin" };
    showAnswer();
  }, report);
  return tab.evaluate(() => document.querySelector("#findings .link")?.textContent);
}

test("a line added to inittab is named by its file and its words", async () => {
  const report = JSON.parse(await readFile(`${cases}/rule_12_line_added_to_inittab/native/report`, "utf8"));
  assert.equal(await shownReport(report), "partition rootfs › squashfs files › /etc/inittab › line ::respawn:/bin/helper");
  await tab.locator("#findings .link").first().click();
  assert.equal(await tab.evaluate(() => document.activeElement.cells[0].textContent), "::respawn:/bin/helper boot-line ✗ 1 finding");
  assert.match((await row("▸inittab"))[0][0], /1 finding inside$/);

  // What was removed has no row; the nearest one that is left is shown.
  report.findings[0].path = report.findings[0].path.replace(/line:.*/, "line:gone");
  await shownReport(report);
  await tab.locator("#findings .link").first().click();
  assert.match(await tab.evaluate(() => document.activeElement.cells[0].textContent), /^▸inittab file 1 finding inside$/);
});

test("what a manifest lists without the steps above it still hangs where it belongs", async () => {
  const text = (path, kind, attributes = {}) => ({ path, kind, attributes, space: "image", offset: 0, length: 4, class: "matched" });
  const files = "partition:rootfs/squashfs:files/decoded:content";
  await run([await image()]);
  const report = await tab.evaluate(() => answer.report);
  report.regions = [
    { ...text("partition:boot", "partition"), name: "boot" },
    { ...text("partition:rootfs/squashfs:superblock", "squashfs-superblock"), name: "rootfs" },
    { ...text("partition:rootfs/squashfs:files", "squashfs-files"), name: "rootfs" },
    { ...text(`${files}/dir:etc/entry:self`, "directory", { mode: "0755", uid: 0, gid: 0 }), name: "/etc/" },
    { ...text(`${files}/dir:etc/file:passwd`, "file", { mode: "0644", uid: 0, gid: 0 }), name: "/etc/passwd" },
  ];
  await shownReport(report);
  await walk("image", "rootfs ", "files ", "etc ");
  const names = await tab.locator("#tree tbody tr td:first-child").allTextContents();
  assert.deepEqual(names, [
    "▸image",
    "boot partition",
    "▸rootfs partition",
    "superblock squashfs-superblock",
    "▸files squashfs-files",
    "▸etc directory",
    "passwd file",
  ]);
  assert.deepEqual((await row("▸etc"))[0], ["▸etc directory", "matched", "drwxr-xr-x", "0:0", "", ""]);
});

test("a name in a file system cannot turn the text around or be taken for a path", async () => {
  const text = await tab.evaluate(() => readable("%E2%80%AE%3Cb%3E%25%5C%2Fetc%20x"));
  assert.equal(text, "%E2%80%AE%3Cb%3E%25%5C/etc x");
  assert.equal(await tab.evaluate(() => readableName("a%2Fb")), "a%2Fb");
  const modes = await tab.evaluate(() => ["0000", "7777", "4644", "2655", "1000", "12345", "rwx"].map((mode) => modeText("file", mode)));
  assert.deepEqual(modes, ["----------", "-rwsrwsrwt", "-rwSr--r--", "-rw-r-sr-x", "---------T", "", ""]);
});

test("images without files have no columns for them", async () => {
  await run([await image()]);
  assert.deepEqual(await tab.locator("#tree thead th:visible").allTextContents(), ["Region", "Class", "Bytes", "Offset"]);
});

test("nothing is wider than a narrow screen", async () => {
  await tab.setViewportSize({ width: 380, height: 800 });
  const report = JSON.parse(await readFile(`${cases}/rule_12_line_added_to_inittab/native/report`, "utf8"));
  for (const language of ["english", "japanese"]) {
    await tab.click(`#${language}`);
    await shownReport(report);
    await tab.evaluate(() => {
      for (let round = 0; round < 12; round += 1) {
        for (const line of document.querySelectorAll('#tree tbody tr[aria-expanded="false"]')) grid.toggle(line, true);
      }
      grid.choose(document.querySelector("#tree tbody").lastElementChild);
    });
    const wider = await tab.evaluate(() => {
      const box = document.querySelector(".scroll");
      return [document.documentElement.scrollWidth - innerWidth, box.scrollWidth - box.clientWidth];
    });
    assert.deepEqual(wider, [0, 0]);
  }
  await tab.setViewportSize({ width: 1280, height: 720 });
});

test("no answer stands beside another question", async () => {
  const gone = async (what) => {
    assert.ok(await tab.isHidden("#result"), what);
    assert.equal(await tab.textContent("#status"), await tab.evaluate(() => TEXTS.en.stale), what);
  };
  const again = async () => {
    await tab.click("#start");
    await tab.waitForSelector("#result:not([hidden])");
  };
  const [first, second] = [await image("one image", "one.bin"), await image("another image", "two.bin")];
  await run([first]);
  await tab.setInputFiles("#choose", [second]);
  await tab.waitForFunction(() => document.querySelectorAll("#list li").length === 2);
  await gone("another file");
  await tab.locator("#list button").first().click();
  await tab.waitForFunction(() => document.querySelectorAll("#list li").length === 1);
  await again();
  await tab.selectOption("#list select", "manifest");
  await gone("another role");
  await tab.selectOption("#list select", "image");
  await again();
  for (const [name, value] of [["expect", "ACME/R1"], ["channel", "beta"], ["hardware", "B2"]]) {
    await tab.evaluate(([field, text]) => {
      document.getElementById(field).value = text;
      document.getElementById(field).dispatchEvent(new Event("input", { bubbles: true }));
    }, [name, value]);
    await gone(name);
    await again();
  }
  await tab.evaluate(() => document.getElementById("deep").click());
  await gone("deep");
});

test("one of the drivers inside a stream is seen at its place, and only there", async () => {
  const report = JSON.parse(await readFile(`${cases}/tamper_modified_driver/native/report`, "utf8"));
  await shownReport(report);
  const [file, inside] = await tab.evaluate(() => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--differs");
    probe.fillRect(0, 0, 1, 1);
    const wanted = probe.getImageData(0, 0, 1, 1).data.join();
    return ["map", "map-inside"].map((name) => {
      const canvas = document.getElementById(name);
      const { data } = canvas.getContext("2d").getImageData(0, canvas.height - 1, canvas.width, 1);
      const columns = Array.from({ length: canvas.width }, (_, at) => data.slice(4 * at, 4 * at + 4).join() === wanted);
      return [columns.indexOf(true), columns.lastIndexOf(true)];
    });
  });
  // The headers before the stream say another length; the stream itself is opened.
  assert.deepEqual(file, [0, 0]);
  const { path, size } = report.spaces[1];
  const leaf = report.regions.filter((region) => region.class === "differs" && region.space === path);
  const expected = Math.floor((leaf[0].offset / size) * 2048);
  assert.ok(Math.abs(inside[0] - expected) <= 1 && inside[1] - inside[0] < 8, `${inside} instead of ${expected}`);
  // The share is of what is not erased.
  const row = await tab.evaluate(() => [...document.querySelectorAll("#account tbody tr")][0].textContent);
  assert.match(row, /99\.\d\d$/);
});

test("old and new value, pieces and next steps are told once", async () => {
  const report = JSON.parse(await readFile(`${cases}/router_overlay_boot_script/native/report`, "utf8"));
  await tab.evaluate((given) => {
    const sentences = given.findings.map(({ message, remedy, parts }) => ({ message, remedy, parts: parts.map((part) => part.message) }));
    answer = { report: given, bytes: new Uint8Array(), words: { changes: "1 script added", findings: sentences, notSeen: [] }, name: "image.bin" };
    showAnswer();
  }, report);
  assert.match(await tab.textContent("#verdict-title"), /does not match the reference or the rules: 1 script added/);
  assert.equal(await tab.locator("#findings > .finding.high").count(), 1);
  assert.match(await tab.textContent("#findings details"), /3 parts.*\/tmp\/x/);
  assert.match(await tab.textContent("#findings"), /psirt@router\.example/);
  const steps = await tab.locator("#steps li").allTextContents();
  assert.equal(new Set(steps).size, steps.length);
  assert.ok(steps.length > 0);
});

// ---- what cannot be done, and what to do there --------------------------------------------------------------------

/** Files, what was ordered, what is wrong, what to do, and the control that the button leads to. */
const PROBLEMS = {
  "no image": [["maker.key.pub"], "", /No image among these files/, /Add the image: “Choose files…”/, "choose"],
  "a private key alone": [["maker.key"], "", /No image among these files/, /Add the image/, "choose"],
  "no file for the image": [["cert.pem"], "", /None of these files is used as the image/, /choose “image” beside its name/, "choose"],
  "two images and nothing to compare them with": [["signed.bin", "two.bin"], "", /More than one image, and nothing to compare them with: signed.bin, two.bin/, /add the signed manifest and the maker’s public key or your policy.*remove the others/, "choose"],
  "two images and no key": [["signed.bin", "two.bin", "signed.json"], "", /Nothing says whose signature counts/, /Add the maker’s public key or your policy/, "choose"],
  "a lot and a broken policy": [["signed.bin", "two.bin", "signed.json", "broken.toml"], "", /broken.toml: cannot be read from line \d+, column \d+ on.* \(Exit code 2\)/, /Correct the policy in a text editor/, "list"],
  "a lot and an order that is none": [["signed.bin", "two.bin", "signed.json", "maker.key.pub"], "R1", /“R1” does not say what was ordered/, /Fill in “What was ordered”/, "expect"],
  "an empty image": [["empty.bin"], "", /empty.bin: is empty, and cannot be used as “image”/, /get the file again/, "list"],
  "an empty manifest": [["signed.bin", ["empty.json", "manifest"], "maker.key.pub"], "ACME/R1", /empty.json: is empty/, /get the file again/, "list"],
  "no manifest": [["signed.bin", "maker.key.pub"], "ACME/R1", /No manifest among these files/, /Add the signed manifest .*“Choose files…”/, "choose"],
  "neither key nor policy": [["signed.bin", "signed.json"], "", /Nothing says whose signature counts/, /Add the maker’s public key or your policy/, "choose"],
  "key and policy": [["signed.bin", "signed.json", "maker.key.pub", "policy.toml"], "ACME/R1", /A public key \(maker.key.pub\) and a policy \(policy.toml\)/, /Remove one of them/, "list"],
  "two policies": [["signed.bin", "signed.json", "policy.toml", "floor.toml"], "", /More than one file is set to “policy”: policy.toml, floor.toml/, /One at a time/, "list"],
  "two keys": [["signed.bin", "signed.json", "maker.key.pub", "other.key.pub"], "ACME/R1", /More than one file is set to “public key”/, /One at a time/, "list"],
  "nothing ordered": [["signed.bin", "signed.json", "maker.key.pub"], "", /it has to be said what was ordered/, /Fill in “What was ordered” as VENDOR\/MODEL/, "expect"],
  "an order that is none": [["signed.bin", "signed.json", "maker.key.pub"], "R1", /“R1” does not say what was ordered/, /Fill in “What was ordered”/, "expect"],
  "a broken policy": [["signed.bin", "signed.json", "broken.toml"], "", /broken.toml: cannot be read from line \d+, column \d+ on.* \(Exit code 2\)/, /Correct the policy in a text editor/, "list"],
  "a policy that is too large": [["signed.bin", "signed.json", "large.toml"], "", /large.toml: is too large for this use: 2,09\d,\d{3} found, at most 1,048,576/, /Choose beside its name what it is for/, "list"],
  "a key that is none": [["signed.bin", "signed.json", ["two.bin", "key"]], "ACME/R1", /two.bin: no Ed25519 public key could be read.* \(Exit code 4\)/, /Add the maker’s public key, a small file/, "list"],
  "a policy that is none": [["signed.bin", "signed.json", ["two.bin", "policy"]], "", /two.bin: cannot be read from line 1/, /choose beside its name what it is for/, "list"],
  "a report beside an image": [["signed.bin", "some.report.json"], "", /some.report.json\) is shown by itself/, /set it to “not used”/, "list"],
  "a name that the core escapes": [["signed.bin", "signed.json", "a<b>&\u202ec.toml"], "", /^Not done: a<b>&\\u\{202e\}c.toml: cannot be read from line/, /Correct the policy/, "list"],
};

/** Chooses files, some of them for a use that the page would not guess. */
async function choose(list) {
  const names = list.map((file) => (typeof file === "string" ? file : file[0]));
  await tab.setInputFiles("#choose", names.map(place));
  await settled(names.length);
  for (const [index, file] of list.entries()) {
    if (typeof file === "string") continue;
    await tab.locator("#list li").nth(index).locator("select").selectOption(file[1]);
    await settled(names.length);
  }
}

const inScreen = (selector) =>
  tab.evaluate((wanted) => {
    const box = document.querySelector(wanted).getBoundingClientRect();
    return box.top >= 0 && Math.min(box.bottom, box.top + 100) <= innerHeight;
  }, selector);

async function wrongFiles() {
  await made();
  await image("another image", "two.bin");
  await image("", "empty.bin");
  await writeFile(place("a<b>&\u202ec.toml"), await readFile(place("broken.toml")));
  await writeFile(place("cert.pem"), PEM("CERTIFICATE"));
  await writeFile(place("some.report.json"), await readFile(`${cases}/router_twin/native/report`));
}

for (const [name, [list, expect, what, next, control]] of Object.entries(PROBLEMS)) {
  test(`what to do on the page: ${name}`, async () => {
    await wrongFiles();
    await choose(list);
    await tab.evaluate((text) => (id("expect").value = text), expect);
    await begin("#problem");
    const said = await tab.locator("#problem > p").allTextContents();
    assert.match(said[0], what);
    assert.match(said[1], next);
    assert.ok(await inScreen("#problem"));
    assert.equal(await tab.evaluate(() => document.activeElement.id), "problem");
    // Not a word of a command's, and what is quoted is a control of this page.
    assert.doesNotMatch(said.join(), /--[a-z]/);
    const labels = await tab.evaluate(() => [...document.querySelectorAll("label, option, summary")].map((label) => label.textContent.trim()));
    for (const [, quoted] of said.join().matchAll(/“([^”]+)”/g)) assert.ok(quoted === expect || labels.includes(quoted), quoted);

    if (control !== "choose") {
      await tab.click("#problem > button");
      assert.ok(await tab.evaluate((wanted) => document.activeElement.closest(`#${wanted}`) !== null, control));
    }
    await tab.click("#japanese");
    const japanese = await tab.locator("#problem > p").allTextContents();
    assert.match(japanese[0], /^実行していない:/);
    assert.doesNotMatch(japanese.join().replace(/VENDOR\/MODEL@RELEASE|BEGIN PUBLIC KEY/g, ""), /[a-z]{3,} [a-z]{3,}|--[a-z]/i);
    // The problem goes away with its cause.
    await tab.click("#clear");
    assert.ok(await tab.isHidden("#problem"));
  });
}

/** The same for what is found in a manifest: there is a report, and its words are those of the page. */
const DISTRUST = {
  "a broken manifest": [["signed.bin", "cut.json", "maker.key.pub"], "ACME/R1", /^cut.json: cannot be read from line 1, column \d+ on/, /Get the signed manifest again from the maker/],
  "a manifest that is none": [["signed.bin", ["two.bin", "manifest"], "maker.key.pub"], "ACME/R1", /^two.bin: cannot be read from line 1/, /choose beside its name what it is for/],
  "another product": [["signed.bin", "signed.json", "maker.key.pub"], "ACME/R2", /^signed.json: is the manifest of ACME\/R1, and ACME\/R2 was ordered/, /Look at “What was ordered”/],
  "another release": [["signed.bin", "signed.json", "maker.key.pub"], "ACME/R1@9", undefined, undefined],
  "another key": [["signed.bin", "signed.json", "other.key.pub"], "ACME/R1", /^signed.json: not signed with the key given here/, /Check that the manifest and the key are of the same maker/],
  "a product without a rule": [["signed.bin", "signed.json", "others.toml"], "", /^signed.json: is the manifest of ACME\/R1, of which the policy has no rule/, /have a rule for it added to the policy/],
};

for (const [name, [list, expect, what, next]] of Object.entries(DISTRUST)) {
  test(`a manifest that is not trusted, in the page's words: ${name}`, async () => {
    await wrongFiles();
    await choose(list);
    await tab.evaluate((text) => (id("expect").value = text), expect);
    await begin("#result");
    assert.match(await tab.textContent("#verdict-title"), /cannot tell; this is not a pass/);
    if (what) {
      assert.match(await tab.textContent("#findings .finding p:nth-child(2)"), what);
      assert.match(await tab.textContent("#steps"), next);
    }
    assert.doesNotMatch(await tab.textContent("#result"), /--[a-z]/);
    await tab.click("#japanese");
    await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("判定不能"));
    const steps = await tab.locator("#steps li").allTextContents();
    assert.ok(steps.length > 0 && steps.every((step) => step.length > 5));
    assert.doesNotMatch(steps.join(), /[a-z]{3,} [a-z]{3,}/i);
  });
}

test("next steps that a command would take are those of the page", async () => {
  await run([await image()]);
  const steps = await tab.evaluate(() => {
    const kinds = ["limit/hit", "manifest/another-channel", "manifest/another-hardware", "manifest/required-image-absent"];
    const report = { findings: kinds.map((kind) => ({ id: kind, args: {} })), notSeen: ["not-parsed"], policy: {} };
    const said = { findings: report.findings.map(() => ({ message: "", remedy: "core" })), notSeen: ["core (--deep looks)"] };
    const words = wordsOf(report, said);
    return [...words.findings.map(({ remedy }) => remedy), ...words.notSeen];
  });
  assert.equal(steps.length, 5);
  for (const [at, named] of ["limits", "“Channel”", "“Hardware revision”", "Add all images of the release here", "“Take everything apart”"].entries()) {
    assert.ok(steps[at].includes(named), steps[at]);
  }
});

test("a file that changed after it was chosen is no bug of ours", async () => {
  const path = await image("first content", "moving.bin");
  await tab.setInputFiles("#choose", [path]);
  await settled(1);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await writeFile(path, "second content, longer");
  await tab.click("#start");
  await tab.waitForSelector("#problem:not([hidden]), #result:not([hidden])");
  const said = await tab.locator("#problem > p").allTextContents();
  assert.match(said[0], /moving.bin: cannot be read, or changed after it was chosen/);
  assert.match(said[1], /Remove it, and choose it again/);
});

test("a folder, or a file that cannot be read, is said to be so", async () => {
  await tab.evaluate(() => add([{ name: "folder", size: 4096, slice: () => ({ arrayBuffer: () => Promise.reject(new Error("no")) }) }]));
  assert.match(await tab.textContent("#list .note.warning"), /^Cannot be read: a folder, or a file that has gone/);
  assert.deepEqual(page.complaints, []);
});

// ---- kinds of files -------------------------------------------------------------------------------------------------

const PEM = (label) => `-----BEGIN ${label}-----\nMC4CAQAwBQYDK2VwBCIEI\n-----END ${label}-----\n`;
const PRIVATE = {
  "pkcs8.pem": PEM("PRIVATE KEY"),
  "rsa.pem": PEM("RSA PRIVATE KEY"),
  "encrypted.pem": PEM("ENCRYPTED PRIVATE KEY"),
  "id_ed25519": PEM("OPENSSH PRIVATE KEY"),
  "behind.pem": `Bag Attributes\n    friendlyName: maker\n${PEM("CERTIFICATE")}${PEM("PRIVATE KEY")}`,
  "both.pem": PEM("PUBLIC KEY") + PEM("EC PRIVATE KEY"),
  "wide.pem": Buffer.from(`\ufeff${PEM("PRIVATE KEY")}`, "utf16le"),
  "key.jwk": '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
  "keys.jwks": '{"keys":[{"kty":"EC","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}',
  "key.ppk": "PuTTY-User-Key-File-3: ssh-ed25519\n",
  "raw.der": Buffer.from("302e020100300506032b657004220420" + "11".repeat(32), "hex"),
};

test("a private key is recognised in every notation, and never used", async () => {
  await made();
  await tab.evaluate(() => {
    globalThis.lent = [];
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (data, ...rest) {
      for (const source of data.sources ?? []) globalThis.lent.push(source.name);
      return post.call(this, data, ...rest);
    };
  });
  for (const [name, content] of Object.entries(PRIVATE)) await writeFile(place(name), content);
  const names = [...Object.keys(PRIVATE), "maker.key"];
  await tab.setInputFiles("#choose", [...names, "signed.bin"].map(place));
  await settled(names.length + 1);
  const notes = await tab.locator("#list .note.warning").allTextContents();
  assert.equal(notes.length, names.length);
  assert.ok(notes.every((note) => /^A private key\. It is never used here.*add the public key instead/.test(note)));
  // There is no choice by which it could be used.
  assert.equal(await tab.locator("#list select").count(), 1);
  await tab.click("#start");
  await tab.waitForSelector("#result:not([hidden])");
  assert.deepEqual(await tab.evaluate(() => globalThis.lent), ["signed.bin"]);
  await tab.click("#japanese");
  assert.match(await tab.textContent("#list .note.warning"), /^秘密鍵である。ここでは決して使わない。/);
});

const tarball = Buffer.alloc(512);
tarball.write("ustar", 257);
const KINDS = {
  "a.zip": ["PK\x03\x04", /^ZIP archive; not used. Unpack it/],
  "a.tar": [tarball, /^tar archive; not used. Unpack it/],
  "a.gz": [[0x1f, 0x8b, 0x08, 0], /^gzip stream; not used. It may be an image/],
  "a.xz": [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], /^xz stream; not used. It may be an image/],
  "a.7z": [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], /^7-Zip archive/],
  "a.cab": ["MSCF\0\0\0\0", /^cabinet archive/],
  "a.rar": ["Rar!\x1a\x07\0", /^RAR archive/],
  "a.png": [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], /^PNG picture, no firmware; not used/],
  "a.jpg": [[0xff, 0xd8, 0xff, 0xe0], /^JPEG picture/],
  "a.gif": ["GIF89a", /^GIF picture/],
  "a.webp": ["RIFF\0\0\0\0WEBP", /^WebP picture/],
  "a.svg": ['<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', /^SVG picture/],
  "a.pdf": ["%PDF-1.7\n", /^PDF document/],
  "lot.json": ['{"accepted":false,"exitCode":1,"mode":"lot"}', /^table of a lot; not used. The reports/],
  "run.json": ['{"runRecord":{"engine":"wasmtime"}}', /^run record of a command/],
  "firmware.toml": [DESCRIPTION, /^firmware.toml: the maker’s description/],
  "cert.pem": [PEM("CERTIFICATE"), /^certificate; not used. .* add that/],
  "id.pub": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 maker", /^another kind of public key/],
  "x.asc": [PEM("PGP SIGNATURE"), /^detached signature/],
  "SHA256SUMS": [`${"0a".repeat(32)}  image.bin\n`, /^list of checksums; not used. Nobody signed it/],
  "login.bin": ["<!DOCTYPE html><html>", /^web page; not used. A download may have saved a page/],
  "README.md": ['# How to verify\n\n```toml\nschema = "kiwame-policy/1"\n[[rule]]\n```\n-----BEGIN PUBLIC KEY-----\n', /^By its name a text for people; not used. If it is the image/],
  "notes.txt": ['Our policy:\nschema = "kiwame-policy/1"\n', /^By its name a text for people/],
  LICENSE: ["Permission is hereby granted", /^By its name a text for people/],
  "sbom.json": ['{"bomFormat":"CycloneDX"}', /^JSON file, but no signed manifest and no report/],
};

test("what is no image is called what it is, and is one only when the user says so", async () => {
  for (const [name, [content]] of Object.entries(KINDS)) {
    await writeFile(place(name), typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content));
  }
  const names = Object.keys(KINDS);
  // The words of a text are not those of binary bytes: an image may hold a key.
  await writeFile(place("holds.bin"), Buffer.concat([Buffer.alloc(16), Buffer.from(PEM("PRIVATE KEY")), Buffer.from("[[rule]]")]));
  await tab.setInputFiles("#choose", [...names, "holds.bin"].map(place));
  await settled(names.length + 1);
  const rows = await tab.evaluate(() => [...document.querySelectorAll("#list li")].map((row) => [row.querySelector("select").value, row.querySelector(".note")?.textContent]));
  for (const [at, name] of names.entries()) {
    assert.equal(rows[at][0], "aside", name);
    assert.match(rows[at][1], KINDS[name][1], name);
  }
  assert.deepEqual(rows.at(-1), ["image", undefined]);
  const words = await tab.evaluate(() => Object.keys(TEXTS.ja.kinds.names));
  assert.deepEqual(words.filter((kind) => !TESTED.has(kind)), []);
});
const TESTED = new Set("zip tar lotTable sevenZip cab rar gzip xz png jpeg gif webp svg pdf record description certificate otherKey signature checksums html json reading".split(" "));

test("a gzip is an image when the user says so", async () => {
  await writeFile(place("packed.gz"), gzipSync("the content of an image"));
  await tab.setInputFiles("#choose", [place("packed.gz")]);
  await settled(1);
  await tab.click("#start");
  await tab.waitForSelector("#problem:not([hidden])");
  assert.match(await tab.textContent("#problem"), /choose “image” beside its name/);
  await tab.focus("#list select");
  await tab.selectOption("#list select", "image");
  await settled(1);
  assert.equal(await tab.evaluate(() => document.activeElement.tagName), "SELECT");
  assert.match(await tab.textContent("#list .note"), /^By its first bytes: gzip stream. Used as the image/);
  await tab.click("#start");
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#facts"), /Formatgzip/);
});

test("a manifest that is set to be the image is called a manifest still", async () => {
  await made();
  await choose(["signed.json"]);
  assert.equal(await tab.locator("#list .note").count(), 0);
  await tab.selectOption("#list select", "image");
  await settled(1);
  assert.match(await tab.textContent("#list .note"), /^By its first bytes: manifest. Used as the image/);
});

test("a key whose private half is published is said to be so before anything is verified", async () => {
  const paths = await files("router_twin");
  const [key] = JSON.parse(await readFile(`${cases}/router_twin/request.json`, "utf8")).sources.map(({ role }, at) => [role, paths[at]]).filter(([role]) => role === "key");
  await writeFile(place("known.pub"), key ? await readFile(key[1]) : RFC8032);
  await tab.setInputFiles("#choose", [place("known.pub")]);
  await settled(1);
  assert.match(await tab.textContent("#list .note.warning"), /private half of this key is published/);
});
const RFC8032 = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

// ---- saved reports --------------------------------------------------------------------------------------------------

const savedReport = (name) => readFile(`${cases}/${name}/native/report`, "utf8");

test("a saved report is shown as claimed, and never looks like a verdict", async () => {
  await run([await image(await savedReport("router_twin"), "twin.report.json")]);
  assert.equal(await tab.textContent("#start"), "Show the report");
  const title = await tab.textContent("#verdict-title");
  assert.match(title, /^A saved report claims: matches the signed reference, with 7 differences/);
  assert.match(await tab.textContent("#claimed"), /^As claimed, not performed again here/);
  assert.ok(await tab.isVisible("#claimed"));
  assert.equal(await tab.getAttribute("#verdict-title", "class"), "verdict claimed");
  assert.equal(await tab.locator("#verdict-title .icon").count(), 0);
  assert.equal(await tab.textContent("#verdict-note"), "");
  assert.ok(await tab.isHidden("#save"));
  const colours = await tab.evaluate(() => ["#verdict-title", "body"].map((name) => getComputedStyle(document.querySelector(name)).color));
  assert.equal(colours[0], colours[1]);
  assert.ok((await tab.locator("#tree tbody tr").count()) > 1);

  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.startsWith("保存された報告書の記載:"));
  assert.match(await tab.textContent("#claimed"), /再検証はしていない/);
  // A verdict of this page after it looks like one again.
  await tab.click("#english");
  await run([await image()], { again: true });
  assert.ok(await tab.isHidden("#claimed"));
  assert.ok(await tab.isVisible("#save"));
  assert.equal(await tab.getAttribute("#result", "class"), "");
});

test("the report that the page saves is one that it opens again", async () => {
  await run([await image()]);
  const [download] = await Promise.all([tab.waitForEvent("download"), tab.click("#save")]);
  await run([await image(await readFile(await download.path()), "saved.json")], { again: true });
  assert.match(await tab.textContent("#verdict-title"), /^A saved report claims: inspected; nothing was compared/);
});

test("of several reports in a file each can be shown", async () => {
  const [one, other] = [await savedReport("router_capability_added"), await savedReport("router_twin")];
  await run([await image(`${one}${other}`, "lot.jsonl")]);
  assert.match(await tab.textContent("#verdict-title"), /claims: does not match/);
  assert.deepEqual((await tab.locator("#which option").allTextContents()).map((text) => text.replace(/[0-9a-f]{12}…$/, "")), ["1 of 2 in the file: claimed ✗ does not match, sha256 ", "2 of 2 in the file: claimed ✓ matches, sha256 "]);
  await tab.selectOption("#which", "1");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("claims: matches"));
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("署名済み基準値と一致"));
  assert.match(await tab.textContent("#which"), /2 件中 2 件目/);
  await tab.click("#english");
  // A report that a person laid out over many lines is one.
  await run([await image(JSON.stringify(JSON.parse(one), null, 2), "laid.json")], { again: true });
  assert.match(await tab.textContent("#verdict-title"), /claims: does not match/);
  assert.ok(await tab.isHidden("#which-report"));
});

test("of many reports it comes first how many there are and what they claim, and with each of which unit it is", async () => {
  const matching = (await savedReport("router_twin")).trim();
  const other = await savedReport("router_capability_added");
  const named = (serial) => `${JSON.stringify({ ...JSON.parse(matching), serial })}\n`;
  await run([await image(`${named("SN1")}${named("S\u202eN2")}${other}{"accepted":false}\n`, "many.jsonl")]);
  assert.equal(await tab.textContent("#reports-title"), "4 saved reports, as claimed: 2 match, 1 does not match, 1 cannot be shown");
  assert.equal(await focused(), "reports-title");
  for (const name of ["#reports-title", "#which"]) assert.ok(await inScreen(name), name);
  assert.equal(await tab.evaluate(() => id("skip").hash), "#reports-title");
  assert.match(await tab.textContent("#verdict-title"), /^Report 1 of 4 claims: matches/);
  assert.deepEqual((await tab.locator("#which option").allTextContents()).map((text) => text.replace(/, sha256 [0-9a-f]{12}…$/, "")), [
    "1 of 4 in the file, serial number SN1: claimed ✓ matches",
    "2 of 4 in the file, serial number S\\u{202e}N2: claimed ✓ matches",
    "3 of 4 in the file: claimed ✗ does not match",
    "4 of 4 in the file",
  ]);
  await tab.selectOption("#which", "2");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.startsWith("Report 3 of 4 claims: does not match"));
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.startsWith("報告書 4 件中 3 件目の記載:"));
  assert.equal(await tab.textContent("#reports-title"), "保存された報告書 4 件(記載による):一致 2 件、不適合 1 件、表示不能 1 件");
  assert.match(await tab.locator("#which option").first().textContent(), /\(製造番号 SN1\):記載は ✓ 一致/);
  // What is wrong with one of them is seen from the list.
  await tab.selectOption("#which", "3");
  await tab.waitForSelector("#problem:not([hidden])");
  for (const name of ["#problem", "#which"]) assert.ok(await inScreen(name), name);
  // What to do with a claim can be done: an image beside a report is refused.
  await tab.click("#english");
  await tab.selectOption("#which", "0");
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#claimed"), /To know, start over with the image/);
});

test("a manifest that is packed is taken for one by its name", async () => {
  await made();
  await writeFile(place("packed.json.gz"), gzipSync(await readFile(place("signed.json"))));
  await run(["signed.bin", "packed.json.gz", "policy.toml"].map(place), { confirm: true });
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
});

test("a report that claims what no report can say is not shown", async () => {
  const report = await savedReport("router_capability_added");
  const wrong = {
    "cut.json": [report.slice(0, 5000), /cut.json: cannot be read from line 1, column 5000 on/],
    "schema.json": [report.replace(/"schemaVersion":"[^"]+"/, '"schemaVersion":"9.9"'), /schema.json: written by another version of kiwame: its schema is 9.9/],
    "tier.json": [report.replace(/"tier":"\w+"/, '"tier":"constructor"'), /tier.json: contradicts itself: it says "constructor"/],
    // Its verdict says what its findings do not.
    "edited.json": [report.replaceAll("contraindicated", "affirming"), /edited.json: contradicts itself: it says "affirming", with exit code 1/],
    "class.json": [report.replace(/"class":"matched"/, '"class":"hidden"'), /class.json: is no report as kiwame writes it/],
    "severity.json": [report.replace(/"severity":"high"/, '"severity":"toString"'), /severity.json: is no report as kiwame writes it/],
    "list.json": [`${report}]\n${report}`, /list.json: cannot be read from line 1/],
  };
  for (const [name, [text, what]] of Object.entries(wrong)) {
    assert.notEqual(text, report);
    await tab.reload();
    await run([await image(text, name)]);
    assert.match(await tab.textContent("#problem"), what);
    assert.match(await tab.locator("#problem > p").nth(1).textContent(), /Get the report again|Open it with the version/);
    assert.ok(await tab.isHidden("#result"));
  }
});

test("nothing in a claimed report turns the text around", async () => {
  const report = JSON.parse(await savedReport("router_capability_added"));
  report.expected = { "pro\u202educt": "a\u202eb" };
  report.time = { source: "s\u202e", value: "v\u202e" };
  report.policy = { sha256: "\u202e" };
  await run([await image(JSON.stringify(report), "odd.json")]);
  const text = await tab.textContent("main");
  assert.ok(!text.includes("\u202e"));
  assert.ok(text.includes("a\\u{202e}b") && text.includes("v\\u{202e}"));
});

test("a claimed comparison of two images is called one", async () => {
  const report = JSON.parse(await savedReport("router_capability_added"));
  await run([await image(JSON.stringify({ ...report, mode: "diff", verdict: { ...report.verdict, tier: "none" } }), "diff.json")]);
  assert.match(await tab.textContent("#verdict-title"), /^A saved report claims: the two images differ/);
});

test("a report that lists only what differs says so, and draws no map of holes", async () => {
  const report = JSON.parse(await savedReport("router_capability_added"));
  report.regions = report.regions.filter((region) => region.class === "differs");
  await shownReport(report);
  assert.ok((await tab.isVisible("#map")) && (await tab.isHidden("#listed")));
  await shownReport({ ...report, listed: "differing", decoded: 13, spaces: report.spaces.slice(0, 1) });
  assert.ok((await tab.isHidden("#map")) && (await tab.isVisible("#listed")));
  assert.match(await tab.textContent("#account-file"), /into 13 decoded spaces/);
  assert.ok((await tab.locator("#tree tbody tr").count()) > 0);
});

// ---- several dumps ----------------------------------------------------------------------------------------------

/** A release of two parts, and dumps of a few units: two alike, one changed, one cut, one with nothing in it. */
const DUMPS = ["SN1.bin", "SN2.bin", "SN3.bin", "SN4.bin", "a&b.bin"];
async function dumps() {
  await made();
  const signed = "firmware that somebody signed";
  const contents = [signed, `${signed} and changed`, signed, "", "firm"];
  for (const [at, name] of DUMPS.entries()) await writeFile(place(name), contents[at]);
}

const kiwame = (...args) =>
  promisify(execFile)(process.env.KIWAME ?? `${root}target/release/kiwame`, args, { cwd: folder }).catch((error) => error);

async function lotOf(names, { confirm = true, expect = "" } = {}) {
  await dumps();
  await tab.setInputFiles("#choose", names.map(place));
  await settled(names.length);
  if (expect) await tab.fill("#expect", expect);
  if (confirm) await tab.check("#confirmed");
  await begin("#lot");
}
const LOT = [...DUMPS, "signed.json", "policy.toml"];

const unitRows = () => tab.evaluate(() => [...document.querySelectorAll("#units tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)));

test("several dumps make the lot that the command makes of them", async () => {
  await lotOf(LOT);
  assert.deepEqual(page.complaints, []);
  const { stdout } = await kiwame("lot", ...DUMPS, "--manifest", "signed.json", "--policy", "policy.toml", "--format", "json", "--lang", "en");
  const command = JSON.parse(stdout);
  const ours = await tab.evaluate(() => lot.table);
  // When, and by which build, is not the same; a report names both.
  const same = ({ units, time, tool, ...others }) => ({ ...others, units: units.map(({ reportSha256, ...unit }) => ({ ...unit, named: Boolean(reportSha256) })) });
  // A file of no bytes is refused by either in words of its own.
  for (const { units } of [ours, command]) {
    assert.match(units[3].what, /is empty/);
    units[3].what = "";
  }
  assert.deepEqual(same(ours), same(command));
  assert.equal(command.units[3].tier, "unread");

  assert.equal(await tab.evaluate(() => document.activeElement.id), "lot-title");
  assert.match(await tab.textContent("#lot-title"), /^✗not every unit matches\. 5 units: 2 do not match, 1 could not be read, 2 match$/);
  assert.equal(await tab.textContent("#start"), "Verify 5 images");
  const rows = await unitRows();
  assert.deepEqual(rows.map(([unit, verdict]) => [unit, verdict]), [["SN1", "✓ matches"], ["SN2", "✗ does not match"], ["SN3", "✓ matches"], ["SN4", "- not read"], ["a&b", "✗ does not match"]]);
  // Verdict and remarks of a row are those of the command.
  const text = (await kiwame("lot", ...DUMPS, "--manifest", "signed.json", "--policy", "policy.toml", "--summary", "rows.md", "--lang", "en")) && (await readFile(place("rows.md"), "utf8"));
  for (const [at, [, ...cells]] of rows.entries()) {
    const line = text.split("\n").filter((one) => one.startsWith("| "))[at + 2];
    if (at === 3) continue;
    assert.deepEqual(line.replace(/\\(.)/g, "$1").split(" | ").slice(1).map((cell) => cell.replace(/ ?\|$/, "")), cells, line);
  }
  assert.match(await tab.textContent("#odd"), /2 units have the same image, byte for byte: SN1.bin, SN3.bin.*Make sure that each of them was read/);

  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("lot-title").textContent.includes("全 5 台"));
  assert.deepEqual((await unitRows()).map((cells) => cells[1]), ["✓ 一致", "✗ 不適合", "✓ 一致", "- 読取不能", "✗ 不適合"]);
  assert.match(await tab.textContent("#odd"), /2 台のイメージが全バイト同一/);
});

test("a unit of a lot opens by keyboard alone, whole, and leads back to its row", async () => {
  await lotOf(LOT);
  // One box and the table stand in the order of Tab; in the table arrows lead on.
  for (const key of ["Tab", "Tab", "ArrowDown"]) await tab.keyboard.press(key);
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), "SN2");
  await tab.keyboard.press("Tab");
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), "Save the record for paper");
  await tab.keyboard.press("Shift+Tab");
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("#result:not([hidden])");
  assert.ok(await tab.isHidden("#lot"));
  assert.match(await tab.textContent("#verdict-title"), /does not match the reference or the rules/);
  assert.match(await tab.textContent("#facts"), /SN2\.bin/);
  assert.equal(await tab.evaluate(() => document.activeElement.id), "verdict-title");
  assert.ok(await tab.isHidden("#listed"), "all regions are listed");
  const [download] = await Promise.all([tab.waitForEvent("download"), tab.click("#save")]);
  assert.equal(download.suggestedFilename(), "SN2.bin.report.json");
  // What is saved is the report that the table names.
  const digest = createHash("sha256").update(await readFile(await download.path())).digest("hex");
  assert.equal(digest, await tab.evaluate(() => lot.table.units[1].reportSha256));

  await tab.focus("#back");
  await tab.keyboard.press("Enter");
  assert.ok((await tab.isVisible("#lot")) && (await tab.isHidden("#result")));
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), "SN2");
  assert.deepEqual(await tab.evaluate(() => [answer, grid.body.rows.length, grid.root.children.length]), [null, 0, 0]);
  // A click anywhere in the row does the same; what could not be read has nothing to show.
  await tab.locator("#units tbody tr").nth(4).locator("td").first().click();
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#facts"), /a&b\.bin/);
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("不適合"));
  assert.ok((await tab.isHidden("#lot")) && (await tab.isVisible("#back")));
  await tab.click("#back");
  assert.match(await tab.textContent("#lot-title"), /全 5 台/);
  assert.equal(await tab.locator("#units tbody tr").nth(3).locator("button").count(), 0);
});

test("of a large lot only what needs a look is shown when somebody asks for it, and all of it is printed", async () => {
  await lotOf(LOT);
  const shown = () => tab.evaluate(() => [...document.querySelectorAll("#units tbody tr")].filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent));
  await tab.check("#only-odd");
  assert.deepEqual(await shown(), ["SN2", "SN4", "a&b"]);
  await tab.locator("#units button:visible").first().focus();
  await tab.keyboard.press("ArrowDown");
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), "a&b");
  await tab.keyboard.press("ArrowUp");
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), "SN2");
  await tab.emulateMedia({ media: "print" });
  assert.equal((await shown()).length, 5);
  await tab.emulateMedia({ media: null });
  // Where no unit is said to match there is nothing to leave out.
  await tab.uncheck("#confirmed");
  assert.ok(await tab.isHidden("#only"));
  assert.equal((await shown()).length, 5);
});

test("whom to call stands in the row of what they answer for", async () => {
  await made();
  const router = await readFile(`${root}firmware-samples/router/router.bin`);
  await writeFile(place("r1.bin"), router);
  router[0x1000] ^= 1;
  await writeFile(place("r3.bin"), router);
  await writeFile(place("r4.bin"), router.subarray(0, 0x300000));
  await kiwame("attest", "r1.bin", "--describe", `${root}firmware-samples/descriptions/router.toml`, "--key", "maker.key", "-o", "router.json");
  const images = ["r1.bin", "r3.bin", "r4.bin"];
  await lotOf([...images, "router.json", "maker.key.pub"], { expect: "Example/Router-1" });
  const rows = await unitRows();
  assert.deepEqual(rows[1], ["r3", "✗ does not match", "(2.1.0)", "1 partition changed", "Boot Works, psirt@boot.example"]);
  const { stdout } = await kiwame("lot", ...images, "--manifest", "router.json", "--key", "maker.key.pub", "--expect", "Example/Router-1", "--format", "json", "--lang", "en");
  const told = ({ exitCode, totals, units, findings }) => [exitCode, totals, findings, units.map(({ reportSha256, ...unit }) => unit)];
  assert.deepEqual(told(await tab.evaluate(() => lot.table)), told(JSON.parse(stdout)));
  assert.deepEqual(rows.map((cells) => cells[3]), JSON.parse(stdout).units.map(({ what }) => what));
});

test("of a lot no tree is kept but that of the unit that is looked at", async () => {
  await lotOf(LOT);
  const kept = await tab.evaluate(() => Promise.all(lot.units.map(async ({ report }) => report && JSON.parse(await report.text()).listed)));
  assert.deepEqual(kept, ["differing", "differing", "differing", undefined, "differing"]);
});

test("a lot is saved as the command writes it, and all of its reports", async () => {
  await lotOf(LOT);
  const saved = {};
  for (const kind of ["html", "csv", "json", "md", "reports"]) {
    const [download] = await Promise.all([tab.waitForEvent("download"), tab.click(`#lot-save [data-kind="${kind}"]`)]);
    saved[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  assert.deepEqual(Object.keys(saved), ["lot.html", "lot.csv", "lot.json", "lot.md", "lot.reports.jsonl"]);
  const table = JSON.parse(saved["lot.json"]);
  const lines = saved["lot.reports.jsonl"].split(/(?<=\n)/);
  assert.deepEqual(lines.map((line) => createHash("sha256").update(line).digest("hex")), table.units.flatMap(({ reportSha256 }) => reportSha256 ?? []));
  assert.match(saved["lot.html"], /^<!DOCTYPE html>[^]*Record of firmware inspection/);
  assert.match(saved["lot.csv"], /^"unit","file","verdict"[^]*"SN4","SN4.bin","not read","2"/);
  assert.match(saved["lot.md"], /^\*\*not every unit matches/);
  // They are opened again as claims.
  await run([await image(saved["lot.reports.jsonl"], "lot.reports.jsonl")], { again: true });
  assert.equal(await tab.locator("#which option").count(), 4);
});

test("as long as the policy is not confirmed no unit of a lot is said to match, and nothing is saved", async () => {
  await lotOf(LOT, { confirm: false });
  assert.deepEqual((await unitRows()).map((cells) => cells[1]), ["! needs a person", "✗ does not match", "! needs a person", "- not read", "✗ does not match"]);
  assert.equal(await tab.textContent("#lot-title"), "✗does not match the reference or the rules. 5 units – does not match: 2, needs a person: 2, not read: 1");
  assert.match(await tab.textContent("#lot-note"), /^The policy is not confirmed/);
  assert.equal(await tab.locator('#lot-save button:disabled[aria-describedby="lot-save-why"]').count(), 5);
  assert.equal(await tab.textContent("#lot-save-why"), "Can be saved when the policy is confirmed.");
  await tab.locator("#units button").first().click();
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#verdict-title"), /needs a person; not accepted/);
  await tab.click("#back");
  await tab.click("#lot-confirm-now");
  assert.equal(await tab.evaluate(() => document.activeElement.id), "confirmed");
  await tab.check("#confirmed");
  assert.match(await tab.textContent("#lot-title"), /^✗not every unit matches/);
  assert.deepEqual((await unitRows()).map((cells) => cells[1]).slice(0, 3), ["✓ matches", "✗ does not match", "✓ matches"]);
  assert.equal(await tab.locator("#lot-save button:disabled").count(), 0);
  await tab.locator("#units button").first().click();
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);

  // A lot of units that all match is held as well.
  await tab.reload();
  await lotOf(["SN1.bin", "SN3.bin", "signed.json", "policy.toml"], { confirm: false });
  assert.match(await tab.textContent("#lot-title"), /^!needs a person; not accepted as it is. 2 units – needs a person: 2$/);
  assert.match(await tab.textContent("#lot-facts"), /Exit code7$/);
});

test("a dump that was given twice, and a part that is missing, are judged as the command judges them", async () => {
  await dumps();
  await writeFile(place("loader.bin"), "the loader");
  await writeFile(place("system.bin"), "the system");
  await kiwame("attest", "loader.bin", "system.bin", "--raw", "--describe", "firmware.toml", "--key", "maker.key", "-o", "parts.json");
  for (const images of [["loader.bin", "system.bin"], ["loader.bin", "SN2.bin"], ["SN1.bin", "SN3.bin", "SN2.bin"]]) {
    await tab.reload();
    const manifest = images[0] === "loader.bin" ? "parts.json" : "signed.json";
    await lotOf([...images, manifest, "policy.toml"]);
    const { stdout } = await kiwame("lot", ...images, "--manifest", manifest, "--policy", "policy.toml", "--format", "json", "--lang", "en");
    const told = ({ exitCode, totals, units }) => [exitCode, totals, units.map(({ what, tier }) => [what, tier])];
    assert.deepEqual(told(await tab.evaluate(() => lot.table)), told(JSON.parse(stdout)), images.join());
  }
  // Images too large for memory are known to be alike by their reports alone.
  const [first, again] = await tab.evaluate(async () => {
    const found = () => Promise.all(lot.units.map(async ({ report }) => JSON.parse(await report.text()).findings.map((finding) => finding.id).join()));
    const before = await found();
    globalThis.digestOfImage = () => Promise.resolve(undefined);
    await start();
    return [before, await found()];
  });
  assert.deepEqual(again, first);
  assert.deepEqual(first.map((ids) => ids.includes("image/given-twice")), [true, true, false]);
});

test("a lot tells how far it is over all units, and is cancelled with nothing judged", async () => {
  await dumps();
  await tab.setInputFiles("#choose", LOT.map(place));
  await settled(LOT.length);
  await tab.check("#confirmed");
  // No worker has been started yet, and none has to be.
  const states = await tab.evaluate(async () => {
    const running = start();
    cancel();
    await running;
    return [id("status").textContent === TEXTS.en.cancelled, id("lot").hidden, id("result").hidden, id("start").disabled];
  });
  assert.deepEqual(states, [true, true, true, false]);
  const [told, later] = await tab.evaluate(async () => {
    const parts = [];
    const show = showProgress;
    globalThis.showProgress = (done, total) => (parts.push(done / total), show(done, total));
    await start();
    const all = parts.splice(0);
    // While the third of them is looked at.
    globalThis.showProgress = (done, total) => void (done / total > 0.4 && cancel());
    await start();
    return [all, [id("status").textContent === TEXTS.en.cancelled, id("lot").hidden, lot]];
  });
  assert.ok(told.length >= 4 && told.every((part, at) => part <= 1 && (at === 0 || part >= told[at - 1])), told.join());
  assert.ok(told.at(-1) > 0.8);
  assert.deepEqual(later, [true, true, null]);
});

test("what is wrong with all units of a lot is said once, in either language", async () => {
  await wrongFiles();
  for (const [language, names, expect, control] of [["japanese", ["signed.bin", "two.bin", "signed.json", "broken.toml"], "", "list"], ["japanese", ["signed.bin", "two.bin", "signed.json", "maker.key.pub"], "R1", "expect"]]) {
    await tab.reload();
    await tab.click(`#${language}`);
    await lotOf(names, { expect, confirm: false });
    assert.ok((await tab.isHidden("#lot")) && (await tab.isVisible("#problem")), names.join());
    assert.equal(await tab.evaluate(() => trouble().control), control);
  }
});

test("a unit that changed since the table was made is not shown", async () => {
  await lotOf(LOT);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await writeFile(place("SN1.bin"), "something else, and longer");
  await tab.locator("#units button").first().click();
  await tab.waitForSelector("#problem:not([hidden])");
  assert.match(await tab.textContent("#problem"), /SN1.bin: cannot be read, or changed after it was chosen/);
  assert.ok((await tab.isHidden("#result")) && (await tab.isVisible("#lot")));
});

test("a dump that cannot be read, or over which the core breaks, is a row, and the others are judged", async () => {
  await dumps();
  await tab.setInputFiles("#choose", LOT.map(place));
  await settled(LOT.length);
  await tab.check("#confirmed");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await writeFile(place("SN1.bin"), "written to while it was looked at");
  await tab.evaluate(() => {
    const told = ask;
    globalThis.ask = (verb, sources, ...others) => {
      if (verb === "verify" && sources[0].name === "SN2.bin") return Promise.reject(new Error("unreachable executed"));
      return told(verb, sources, ...others);
    };
  });
  await tab.click("#start");
  await tab.waitForSelector("#lot:not([hidden]), #problem:not([hidden])");
  const units = await tab.evaluate(() => lot.table.units.map(({ file, tier, exitCode, what }) => [file, tier, exitCode, what]));
  assert.deepEqual(units.slice(0, 3), [
    ["SN1.bin", "unread", 2, "SN1.bin: cannot be read, or changed after it was chosen"],
    ["SN2.bin", "unread", 70, "SN2.bin: unreachable executed"],
    ["SN3.bin", "affirming", 0, ""],
  ]);
  assert.match(await tab.textContent("#lot-facts"), /Exit code70$/);
  assert.equal(await tab.locator("#units button").count(), 2);

  // What all of them are compared with is another matter.
  await dumps();
  await tab.reload();
  await tab.setInputFiles("#choose", LOT.map(place));
  await settled(LOT.length);
  const manifest = await readFile(place("signed.json"));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await writeFile(place("signed.json"), manifest);
  await begin("#lot");
  assert.match(await tab.textContent("#problem"), /signed.json: cannot be read, or changed after it was chosen/);
  assert.ok(await tab.isHidden("#lot"));
});

test("paper has the table of a lot, and no sign of where the focus was", async () => {
  await lotOf(LOT);
  await tab.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await tab.emulateMedia({ media: "print" });
  for (const name of ["#drop", "#options", "#lot-save"]) assert.ok(await tab.isHidden(name), name);
  for (const name of ["#lot-title", "#units", "#odd", "#lot-facts"]) assert.ok(await tab.isVisible(name), name);
  assert.equal(await tab.title(), "Lot of 5 units – kiwame");
  await tab.locator("#units button").first().focus();
  await tab.keyboard.press("Tab");
  assert.equal(await tab.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await tab.evaluate(() => dispatchEvent(new Event("afterprint")));
  await tab.emulateMedia({ media: null });
  assert.equal(await tab.title(), "kiwame");

  // Of one image the name stands on every page that a browser prints a title on.
  await run([await image()], { again: true });
  await tab.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await tab.title(), "image.bin – kiwame");
  await tab.evaluate(() => dispatchEvent(new Event("afterprint")));
});

// ---- texts ----------------------------------------------------------------------------------------------------------

const shownText = async () => {
  await tab.locator("#text button").click();
  await tab.waitForSelector("#text pre, #text p[tabindex]:not(.reading)");
  return tab.textContent("#text pre, #text p[tabindex]:not(.reading)");
};

test("a small text in a file system is read, with what cannot be seen made visible", async () => {
  await run([`${root}firmware-samples/router/router.bin`]);
  await walk("0x200000", "/ squashfs", "etc ", "os-release ");
  await tab.keyboard.press("Enter");
  const text = await shownText();
  assert.equal(createHash("sha256").update(text).digest("hex"), (await details()).at(-1)["SHA-256"]);
  assert.equal(text, "NAME=ExampleRouter\nVERSION=2.1.0\n");
  assert.equal(await tab.textContent("#text h4"), "Text of /etc/os-release");
  assert.equal(await tab.evaluate(() => document.activeElement.tagName), "PRE");
  // A program is none.
  await walk("0x200000", "/ squashfs", "bin ", "ash ");
  await tab.keyboard.press("Enter");
  assert.equal(await shownText(), "These bytes are no text.");
  // Another row takes it away.
  await tab.keyboard.press("Escape");
  await walk("image");
  await tab.keyboard.press("Enter");
  assert.equal(await tab.locator("#text *").count(), 0);
  assert.deepEqual(page.complaints, []);
});

test("whoever presses Tab while a text is read does not lose the focus", async () => {
  await run([await image("mode=on\n", "settings.bin")]);
  await tab.evaluate(() => grid.choose(grid.body.lastElementChild));
  await tab.waitForSelector("#text button");
  await tab.evaluate(() => {
    const read = contentIn;
    globalThis.contentIn = async (...asked) => {
      await new Promise((resolve) => (globalThis.goOn = resolve));
      return read(...asked);
    };
  });
  const after = async (key) => {
    await tab.locator("#text button").press("Enter");
    await tab.keyboard.press(key);
    await tab.evaluate(() => globalThis.goOn());
    await tab.waitForSelector("#text pre");
    return tab.evaluate(() => document.activeElement.tagName);
  };
  assert.equal(await after("Tab"), "PRE");
  // Whoever goes back stays there.
  await tab.evaluate(() => void offerText(id("chosen").node));
  await tab.evaluate(() => globalThis.goOn());
  await tab.waitForSelector("#text button");
  await after("Shift+Tab");
  assert.equal(await focused(), "chosen");
});

test("what lies in the image itself is offered as text only when it is one", async () => {
  await run([await image("mode=on\n<b>\u202ecba</b>\u0000\u0000", "settings.bin")]);
  await walk("image");
  const leaf = await tab.evaluate(() => [...grid.rows.keys()].findLast((node) => contentOf(node)).region.path);
  await tab.evaluate((path) => grid.choose([...grid.rows].find(([node]) => node.region.path === path)[1]), leaf);
  assert.equal(await shownText(), "mode=on\n<b>\\u{202e}cba</b>");
  assert.match(await tab.textContent("#text"), /2 zero bytes stand behind it/);
  assert.equal(await tab.locator("#text b").count(), 0);

  await run([await image(Buffer.from([1, 2, 3, 0xff]), "binary.bin")], { again: true });
  await tab.evaluate(() => grid.choose(grid.body.lastElementChild));
  await tab.waitForTimeout(100);
  assert.equal(await tab.locator("#text *").count(), 0);
  // The bytes have to be those that were measured.
  const other = await tab.evaluate(async () => {
    const asking = { sources: [{ data: new Blob(["abcd"]) }] };
    return contentIn({ asking }, { space: "image", offset: 0, length: 4, sha256: "0".repeat(64) }).then(() => "shown", (error) => error.why);
  });
  assert.equal(other, "changed");
});

test("a text is read also where the whole digest matched, in a unit of a lot; of a claim there is nothing to read", async () => {
  await made();
  for (const name of ["r1.bin", "r2.bin"]) await writeFile(place(name), await readFile(`${root}firmware-samples/router/router.bin`));
  await kiwame("attest", "r1.bin", "--describe", `${root}firmware-samples/descriptions/router.toml`, "--key", "maker.key", "-o", "router.json");
  await writeFile(place("router.toml"), (await kiwame("policy", "new", "--key", "maker.key.pub", "--expect", "Example/Router-1")).stdout);
  await lotOf(["r1.bin", "r2.bin", "router.json", "router.toml"]);
  await tab.locator("#units button").nth(1).click();
  await tab.waitForSelector("#result:not([hidden])");
  assert.match(await tab.textContent("#facts"), /whole digest only/);
  await walk("image", "rootfs ", "/ squashfs", "etc ", "os-release ");
  await tab.keyboard.press("Enter");
  assert.equal((await shownText()).length, 33);
  assert.deepEqual(page.complaints, []);

  await run([await image(await savedReport("router_twin"), "twin.report.json")], { again: true });
  await tab.locator("#tree tbody tr").nth(1).click();
  assert.equal(await tab.locator("#text *").count(), 0);
});

// ---- the screen and paper -------------------------------------------------------------------------------------------

/** 400 % of a screen of 1280 by 1024 is one of 320 by 256. */
const SCREENS = [[1280, 800], [320, 640], [320, 256]];

test("the verdict comes into view, and the focus with it, at every zoom", async () => {
  await made();
  for (const [width, height] of SCREENS) {
    await tab.setViewportSize({ width, height });
    await tab.reload();
    await run(["signed.bin", "signed.json", "policy.toml"].map(place), { confirm: true });
    assert.match(await tab.textContent("#verdict-title"), /matches the signed reference/);
    assert.equal(await tab.evaluate(() => document.activeElement.id), "verdict-title");
    assert.ok(await inScreen("#verdict-title"), `${width} by ${height}`);
  }
  await tab.setViewportSize({ width: 1280, height: 720 });
});

/** Everything that a user meets, by what leads there. */
const STATES = {
  start: async () => {},
  files: async () => choose(["signed.bin", "maker.key", "a.zip", "a.gz", "maker.key.pub", ["two.bin", "key"]]),
  "a problem in a field": async () => {
    await choose(["signed.bin", "signed.json", "maker.key.pub"]);
    await tab.click("#start");
    await tab.waitForSelector("#problem:not([hidden])");
  },
  "a problem of the core": async () => {
    await choose(["signed.bin", "signed.json", "broken.toml"]);
    await begin("#problem");
    await tab.click("#problem summary");
  },
  running: async () => {
    await choose(["signed.bin"]);
    await tab.evaluate(() => busy(true));
  },
  inspected: async () => run([`${root}firmware-samples/router/router.bin`]),
  held: async () => run(["signed.bin", "signed.json", "policy.toml"].map(place)),
  accepted: async () => run(["signed.bin", "signed.json", "policy.toml"].map(place), { confirm: true }),
  "a lot": async () => lotOf(LOT),
  "a lot that is held": async () => lotOf(LOT, { confirm: false }),
  "a unit of a lot": async () => {
    await lotOf(LOT);
    await tab.locator("#units button").nth(1).click();
    await tab.waitForSelector("#result:not([hidden])");
  },
  "a text": async () => {
    await run([await image(`mode=on\n${"long ".repeat(100)}${"x".repeat(300)}\n`.repeat(30), "settings.bin")]);
    await tab.evaluate(() => grid.choose(grid.body.lastElementChild));
    await shownText();
  },
  "not trusted": async () => run(["signed.bin", "cut.json", "policy.toml"].map(place), { confirm: true }),
  refuted: async () => run([await image(await savedReport("router_capability_added"), "claims.json")]),
  "several reports": async () => run([await image(`${await savedReport("router_twin")}${await savedReport("router_capability_added")}`, "lot.json")]),
  "many findings": async () => {
    const report = JSON.parse(await savedReport("router_capability_added"));
    report.findings = Array.from({ length: 112 }, (_, offset) => ({ ...report.findings[0], offset }));
    await run([await image(JSON.stringify(report), "many.json")]);
    await tab.locator("#findings .link").first().click();
  },
};

for (const [name, reach] of Object.entries(STATES)) {
  test(`axe finds nothing and nothing is cut: ${name}`, async () => {
    await wrongFiles();
    for (const file of ["a.zip", "a.gz"]) await writeFile(place(file), Buffer.from(KINDS[file][0], "latin1"));
    for (const [width, height] of SCREENS) {
      await tab.setViewportSize({ width, height });
      await tab.reload();
      await reach();
      for (const [language, scheme] of [["japanese", "dark"], ["english", "light"], ["english", "dark"]]) {
        await tab.emulateMedia({ colorScheme: scheme });
        await tab.click(`#${language}`);
        await tab.waitForFunction((lang) => document.documentElement.lang === lang, language === "english" ? "en" : "ja");
        await tab.waitForTimeout(50);
        const where = `${width} by ${height}, ${language}, ${scheme}`;
        assert.deepEqual(await cut(), [], where);
        assert.deepEqual(await violations(), [], where);
      }
    }
    await tab.setViewportSize({ width: 1280, height: 720 });
    await tab.emulateMedia({ colorScheme: null });
  });
}

/** What lies beyond the right edge, or holds more than it shows from side to side. */
const cut = () =>
  tab.evaluate(() => {
    const shown = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && one.id !== "choose" && !one.closest("thead") && !one.matches(".unseen, .skip:not(:focus)"));
    const beyond = shown.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5);
    const inner = shown.filter((one) => getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1 && one.tagName !== "INPUT");
    const page = document.documentElement.scrollWidth > innerWidth ? [document.documentElement] : [];
    return [...beyond, ...inner, ...page].map((one) => `${one.tagName}#${one.id}.${one.className}`).slice(0, 5);
  });

test("paper has the result and not the form, in light colours, and says what is left out", async () => {
  await tab.emulateMedia({ colorScheme: "dark" });
  const report = JSON.parse(await savedReport("router_capability_added"));
  const parts = (count) => Array.from({ length: count }, () => ({ ...report.findings[0], parts: undefined }));
  const part = ({ actual, args, expected, id, length, message, offset, path, space }) => ({ actual, args, expected, id, length, message, offset, path, space });
  report.findings = Array.from({ length: 112 }, (_, offset) => ({ ...report.findings[0], offset }));
  report.findings[0].parts = parts(10).map(part);
  report.findings[1].parts = parts(100).map(part);
  await run([await image(JSON.stringify(report), "many.json")]);
  // Chromium's own printing tells the page, too.
  await tab.evaluate(() => addEventListener("beforeprint", () => (globalThis.rowsOnPaper = id("printed").tBodies[0].rows.length)));
  const pdf = await tab.pdf({ format: "A4" });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  assert.ok((await tab.evaluate(() => globalThis.rowsOnPaper)) > 5);
  assert.equal(await tab.locator("#printed tbody tr").count(), 0);

  await tab.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await tab.emulateMedia({ media: "print" });
  for (const name of ["#drop", "#options", "#list", ".languages", "#save", "#more-findings", ".scroll"]) assert.ok(await tab.isHidden(name), name);
  for (const name of ["#verdict-title", "#claimed", "#facts", "#bar", "#map", "#not-seen", "#core-digest"]) assert.ok(await tab.isVisible(name), name);
  const look = await tab.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    const [bar] = document.querySelectorAll("#bar span");
    return [style.getPropertyValue("--paper"), style.colorScheme, getComputedStyle(bar).printColorAdjust];
  });
  assert.deepEqual(look, ["#fbfaf7", "light", "exact"]);
  const drawn = await tab.evaluate(() => {
    const canvas = id("map");
    const [red, green, blue] = canvas.getContext("2d").getImageData(0, canvas.height - 1, 1, 1).data;
    return [red, green, blue];
  });
  assert.deepEqual(drawn, [0x1d, 0x6f, 0x42], "matched, as on a light screen");

  assert.equal(await tab.textContent("#findings-shown"), "The first 50 of 112 findings.");
  const open = await tab.evaluate(() => [...document.querySelectorAll("#findings details")].map((one) => one.open));
  assert.deepEqual(open, [true, false]);
  const folded = await tab.evaluate(() => getComputedStyle(document.querySelector("#findings details:not([open]) > summary"), "::after").content);
  assert.match(folded, /not printed|attr/);
  const rows = await tab.evaluate(() => [...id("printed").tBodies[0].rows].map((row) => row.cells[0].textContent));
  assert.ok(rows.some((text) => text.startsWith("routerd file") && text.includes("capability")), rows.join("; "));
  assert.ok(rows.some((text) => /^\d+ more here, not printed$/.test(text)), rows.join("; "));
  assert.match(await tab.textContent("#printed-rows"), /^\d+ of 203 rows are printed/);

  await tab.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.deepEqual(await tab.evaluate(() => [...document.querySelectorAll("#findings details")].map((one) => one.open)), [false, false]);
  await tab.emulateMedia({ colorScheme: null, media: null });
  assert.ok(await tab.isVisible("#drop"));
});

// ---- by keyboard, and without sight ---------------------------------------------------------------------------------

const focused = () => tab.evaluate(() => document.activeElement.id);

/** How often Tab has to be pressed until the focus is there. */
async function tabsTo(selector) {
  for (let count = 1; count <= 60; count += 1) {
    await tab.keyboard.press("Tab");
    if (await tab.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return count;
  }
  return Infinity;
}

async function manyFindings() {
  const report = JSON.parse(await savedReport("router_capability_added"));
  const [one] = report.findings;
  const { actual, args, expected, id, length, message, offset, path, space } = one;
  const inner = Array.from({ length: 10 }, () => ({ actual, args, expected, id, length, message, offset, path, space }));
  report.findings = Array.from({ length: 112 }, (_, offset) => ({ ...one, offset, parts: offset < 20 ? inner : one.parts }));
  await run([await image(JSON.stringify(report), "many.json")]);
}

test("a list is one stop of Tab, and arrows lead from finding to finding", async () => {
  await manyFindings();
  assert.equal(await focused(), "verdict-title");
  const link = (at) => tab.evaluate((index) => document.activeElement === document.querySelectorAll("#findings .link")[index], at);
  assert.ok((await tabsTo("#findings .link")) <= 8);
  assert.ok(await link(0));
  await tab.keyboard.press("ArrowDown");
  assert.ok(await link(1));
  // What is folded in this finding comes next, and then what is behind the findings.
  await tab.keyboard.press("Tab");
  assert.equal(await tab.evaluate(() => document.activeElement.tagName), "SUMMARY");
  assert.ok((await tabsTo("#tree tr")) <= 3);
  await tab.focus("#more-findings");
  await tab.keyboard.press("Enter");
  assert.ok(await link(50), "the first of those that were not shown");
  await tab.keyboard.press("End");
  assert.ok(await link(111));
  // Leaving the list and coming back leads to the same finding.
  await tab.keyboard.press("Tab");
  await tab.keyboard.press("Shift+Tab");
  assert.ok(await link(111));
});

test("from the top of the page one link leads to the result, and others to its parts", async () => {
  assert.ok(await tab.isHidden("#skip"));
  await manyFindings();
  // Nothing stands before it.
  assert.equal(await tab.evaluate(() => document.querySelector("a, button, input, [tabindex]").id), "skip");
  await tab.focus("#english");
  await tab.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "skip");
  assert.ok(await inScreen("#skip"));
  await tab.keyboard.press("Enter");
  assert.equal(await focused(), "verdict-title");
  const links = await tab.evaluate(() => [...document.querySelectorAll("#result nav a")].filter((link) => link.checkVisibility()).map((link) => link.hash.slice(1)));
  assert.deepEqual(links, ["findings-title", "steps-title", "facts-title", "account-title", "tree-title", "not-seen-title"]);
  for (const name of links) {
    await tab.locator(`#result nav a[href="#${name}"]`).click();
    assert.equal(await focused(), name);
    assert.ok(await inScreen(`#${name}`), name);
  }
  // What is wrong and what to do stand before everything else.
  const order = await tab.evaluate(() => ["verdict-title", "findings", "steps", "facts", "account", "tree"].map((name) => id(name).getBoundingClientRect().top));
  assert.deepEqual(order, order.toSorted((one, other) => one - other));

  await tab.reload();
  await lotOf(LOT);
  assert.equal(await tab.evaluate(() => id("skip").hash), "#lot-title");
});

for (const [width, height] of [[1280, 720], [700, 900], [320, 640], [320, 256]]) {
  test(`details are in view with what they are of: ${width} by ${height}`, async () => {
    await tab.setViewportSize({ width, height });
    try {
      await shownReport(JSON.parse(await savedReport("router_capability_added")));
      const both = () =>
        tab.evaluate(() => {
          const inside = (box) => box.top >= -1 && box.bottom <= innerHeight + 1 && box.left >= 0 && box.right <= innerWidth;
          const row = document.querySelector('#tree tr[aria-selected="true"]').getBoundingClientRect();
          return [inside(row), inside(id("chosen").getBoundingClientRect()), id("details").querySelectorAll("dd").length > 2];
        });
      await tab.locator("#findings .link").first().click();
      assert.deepEqual(await both(), [true, true, true]);
      assert.equal(await tab.evaluate(() => document.activeElement.ariaSelected), "true");
      assert.match(await tab.textContent("#said"), /^Details of .*routerd: below the regions; Tab leads there/);
      assert.equal(await tab.textContent("#chosen-title"), "Details of /opt/router/routerd");
      await tab.keyboard.press("Home");
      await tab.keyboard.press("Enter");
      assert.deepEqual((await both()).slice(0, 2), [true, true]);
      assert.ok(await tab.isHidden("#to-finding"));
      await tab.keyboard.press("End");
      await tab.keyboard.press("Enter");
      assert.deepEqual(await both(), [true, true, true]);
      // There and back by keyboard.
      await tab.keyboard.press("Tab");
      assert.equal(await focused(), "chosen");
      await tab.keyboard.press("Escape");
      assert.equal(await tab.evaluate(() => document.activeElement.ariaSelected), "true");
      await tab.locator("#findings .link").first().click();
      await tab.click("#to-finding");
      assert.ok(await tab.evaluate(() => document.activeElement === document.querySelector("#findings .link")));
    } finally {
      await tab.setViewportSize({ width: 1280, height: 720 });
    }
  });
}

test("a choice in a list leaves the focus in it, whatever it brings about", async () => {
  await made();
  const typed = async (key) => {
    await tab.keyboard.press(key);
    return tab.evaluate(() => [document.activeElement.tagName, document.activeElement.value]);
  };
  await tab.setInputFiles("#choose", [place("signed.json"), await image()]);
  await settled(2);
  await tab.locator("#list select").first().focus();
  // Arrow keys choose at once, one after the other.
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "policy"]);
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "key"]);
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "report"]);
  assert.deepEqual(await typed("ArrowUp"), ["SELECT", "key"]);
  await settled(2);
  assert.equal(await tab.evaluate(() => files[0].role), "key");
  assert.match(await tab.textContent("#list .note"), /no Ed25519 public key could be read/);

  await tab.reload();
  const one = await savedReport("router_capability_added");
  await run([await image(`${one}${await savedReport("router_twin")}{"accepted":false}\n${one}`, "lot.jsonl")]);
  await tab.focus("#which");
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "1"]);
  await tab.waitForFunction(() => document.getElementById("said").textContent.includes("claims: matches"));
  assert.equal(await focused(), "which");
  // Of one that cannot be shown it is said, and the next one can be chosen.
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "2"]);
  await tab.waitForSelector("#problem:not([hidden])");
  assert.equal(await focused(), "which");
  assert.deepEqual(await typed("ArrowDown"), ["SELECT", "3"]);
  await tab.waitForSelector("#result:not([hidden])");
  assert.ok(await tab.isHidden("#problem"));
  assert.equal(await focused(), "which");
  assert.match(await tab.textContent("#facts"), /4 of 4 in the file/);
});

test("the focus is nowhere lost: after a removal, a cancellation, a new start", async () => {
  await made();
  const names = ["signed.bin", "signed.json", "policy.toml"];
  await tab.setInputFiles("#choose", names.map(place));
  await settled(3);
  const label = () => tab.evaluate(() => document.activeElement.ariaLabel);
  await tab.locator("#list button").nth(1).focus();
  await tab.keyboard.press("Enter");
  // A second press removes nothing more.
  assert.equal(await focused(), "list");
  await tab.keyboard.press("Enter");
  await settled(2);
  for (const name of ["signed.bin", "policy.toml"]) {
    for (const key of ["Tab", "Tab"]) await tab.keyboard.press(key);
    assert.equal(await label(), `Remove ${name}`);
    await tab.keyboard.press("Enter");
  }
  assert.equal(await focused(), "choose");

  await run([place("signed.bin")]);
  // The worker is there, and does not answer.
  await tab.evaluate(() => (globalThis.exchange = (to) => new Promise((_, reject) => (to.stop = () => reject(new Cancelled())))));
  await tab.focus("#start");
  await tab.keyboard.press("Enter");
  assert.equal(await focused(), "busy");
  assert.ok(await tab.isHidden("#start"));
  // There is no other way to start a second run beside it.
  assert.equal(await tab.evaluate(() => {
    const turnOf = turn;
    id("options").requestSubmit();
    return turn === turnOf;
  }), true);
  await tab.keyboard.press("Tab");
  assert.equal(await focused(), "cancel");
  await tab.keyboard.press("Enter");
  await tab.waitForFunction(() => document.getElementById("status").textContent === TEXTS.en.cancelled);
  assert.equal(await focused(), "start");
  // Where there is nothing to start any more, to where files are chosen.
  assert.equal(await tab.evaluate(() => {
    busy(true);
    files = [];
    busy(false);
    return document.activeElement.id;
  }), "choose");
  await tab.focus("#clear");
  await tab.keyboard.press("Enter");
  assert.equal(await focused(), "choose");
});

test("what cannot be pressed says why beside it", async () => {
  await made();
  const silent = () =>
    tab.evaluate(() =>
      [...document.querySelectorAll(":disabled")].filter((one) => one.checkVisibility()).filter((one) => {
        const why = document.getElementById(one.getAttribute("aria-describedby") ?? "");
        return !why?.checkVisibility() || why.textContent === "";
      }).map((one) => one.id || one.dataset.kind));
  assert.ok(await tab.isDisabled("#start"));
  assert.equal(await tab.textContent("#start-why"), "Choose files first.");
  assert.deepEqual(await silent(), []);
  for (const reach of [STATES.held, STATES["a lot that is held"], STATES.running]) {
    await tab.reload();
    await reach();
    for (const language of ["japanese", "english"]) {
      await tab.click(`#${language}`);
      assert.deepEqual(await silent(), []);
    }
  }
});

// ---- what stays -----------------------------------------------------------------------------------------------------

test("a result that is nowhere else is not lost without a question", async () => {
  const asks = async (act = () => tab.reload()) => {
    dialogs.length = 0;
    await act();
    return dialogs.join();
  };
  assert.equal(await asks(), "");
  await run([await image()]);
  // Whoever declines keeps it.
  staying = true;
  assert.equal(await asks(() => tab.click("#clear")), "confirm");
  assert.ok(await tab.isVisible("#result"));
  staying = false;
  assert.equal(await asks(), "beforeunload");
  await run([await image()]);
  await Promise.all([tab.waitForEvent("download"), tab.click("#save")]);
  assert.equal(await asks(), "");
  // A report that was opened is a file already.
  await run([await image(await savedReport("router_twin"), "twin.report.json")]);
  assert.equal(await asks(), "");
  await lotOf(LOT);
  await tab.locator("#units button").first().click();
  await tab.waitForSelector("#result:not([hidden])");
  assert.equal(await asks(), "beforeunload");
  await lotOf(LOT);
  await Promise.all([tab.waitForEvent("download"), tab.click('#lot-save [data-kind="reports"]')]);
  assert.equal(await asks(), "");
});

test("no change takes away a result that is nowhere else without a question", async () => {
  await made();
  /** What the page asks when something is done; whoever declines keeps files, options and result. */
  const kept = async (shown, act) => {
    const state = () => tab.evaluate(() => [files.map(({ role, row }) => [role, row.querySelector("select").value]), ["expect", "channel", "hardware"].map((name) => id(name).value), id("deep").checked]);
    const before = await state();
    dialogs.length = 0;
    staying = true;
    try {
      await act();
      await tab.waitForTimeout(50);
    } finally {
      staying = false;
    }
    assert.deepEqual(dialogs, ["confirm"]);
    assert.deepEqual(await state(), before);
    assert.ok(await tab.isVisible(shown));
  };
  const changes = [
    () => tab.focus("#deep").then(() => tab.keyboard.press("Space")),
    () => tab.focus("#expect").then(() => tab.keyboard.press("x")),
    () => tab.locator("#list button").first().click(),
    () => tab.locator("#list select").first().selectOption("aside"),
    () => tab.setInputFiles("#choose", [place("other.key.pub")]),
  ];
  await run(["signed.bin", "signed.json", "policy.toml"].map(place), { expect: "ACME/R1", confirm: true });
  for (const change of changes) await kept("#result", change);
  await Promise.all([tab.waitForEvent("download"), tab.click("#save")]);
  dialogs.length = 0;
  await tab.click("#deep");
  assert.deepEqual(dialogs, []);
  assert.ok(await tab.isHidden("#result"));
  // Of a lot as well; whoever agrees is asked once.
  await tab.reload();
  await lotOf(LOT);
  for (const change of changes) await kept("#lot", change);
  dialogs.length = 0;
  for (const _ of "12") await tab.click("#deep");
  assert.deepEqual(dialogs, ["confirm"]);
  assert.ok(await tab.isHidden("#lot"));
  assert.ok(!(await tab.isChecked("#deep")));
});

test("another language closes nothing that is open", async () => {
  await run([`${root}firmware-samples/router/router.bin`]);
  await walk("0x200000", "/ squashfs", "etc ", "os-release ");
  await tab.keyboard.press("Enter");
  const text = await shownText();
  const rows = await tab.locator("#tree tbody tr").count();
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("判定ではない"));
  assert.equal(await tab.textContent("#text pre"), text);
  assert.equal(await tab.textContent("#text h4"), "/etc/os-release の内容");
  assert.equal(await tab.textContent("#chosen-title"), "/etc/os-release の詳細");
  assert.equal(await tab.locator("#tree tbody tr").count(), rows);
  assert.match(await tab.textContent('#tree tr[aria-selected="true"]'), /^os-releaseファイル|^os-release ファイル/);
  assert.equal((await details())[0]["種類"], "ファイル (file)");

  await tab.reload();
  await tab.click("#english");
  await manyFindings();
  await tab.click("#more-findings");
  await tab.locator("#findings summary").nth(3).click();
  const open = () => tab.evaluate(() => [[...document.querySelectorAll("#findings details")].map((one) => one.open).indexOf(true), id("findings").children.length]);
  assert.deepEqual(await open(), [3, 112]);
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.getElementById("verdict-title").textContent.includes("保存された報告書"));
  assert.deepEqual(await open(), [3, 112]);

  await tab.reload();
  await wrongFiles();
  await choose(["signed.bin", "signed.json", "broken.toml"]);
  await begin("#problem");
  await tab.click("#problem summary");
  for (const language of ["japanese", "english"]) {
    await tab.click(`#${language}`);
    assert.ok(await tab.evaluate(() => document.querySelector("#problem details").open));
  }
});

test("a result says when it was checked, by which clock, and with which manifest; and so does paper", async () => {
  const { browser, tab: other } = await open({ timezoneId: "Asia/Tokyo" });
  await made();
  tab = other;
  try {
    const signed = await readFile(place("signed.bin"));
    await run(["signed.bin", "signed.json", "policy.toml"].map(place), { confirm: true });
    const facts = () => other.evaluate(() => Object.fromEntries([...document.querySelectorAll("#facts dt")].map((term) => [term.textContent, term.nextElementSibling.textContent])));
    const told = await facts();
    const now = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+09:00 \(Asia\/Tokyo\), by the clock of this computer; not signed$/;
    assert.match(told.Checked, now);
    const zone = told.Checked.replace(" ", "T").replace(/ (\+09:00).*/, "$1");
    assert.ok(Math.abs(new Date(zone) - Date.now()) < 60_000, told.Checked);
    assert.equal(told.Size, `${signed.length} bytes`);
    assert.equal(told["SHA-256"], createHash("sha256").update(signed).digest("hex"));
    const payload = await other.evaluate(() => answer.report.manifests[0].payloadSha256);
    assert.match(payload, /^[0-9a-f]{64}$/);
    assert.equal(told["Manifest’s digest (of what is signed in it)"], payload);
    assert.match(await other.textContent("#about"), /^signed\.bin · 29 bytes · \d{4}-/);
    await other.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await other.emulateMedia({ media: "print" });
    for (const name of ["#about", "#facts"]) assert.ok(await other.isVisible(name), name);
    await other.emulateMedia({ media: null });

    // Nobody knows that of what somebody else has made; what it says itself is shown as it says it.
    await other.reload();
    await run([await image(await savedReport("router_twin"), "twin.report.json")]);
    assert.equal((await facts()).Checked, undefined);
    await other.reload();
    await lotOf(LOT);
    assert.match(await other.textContent("#lot-facts"), /Manifest’s digest \(of what is signed in it\)[0-9a-f]{64}.*Checked\d{4}-.*\+09:00 \(Asia\/Tokyo\)/);
    const checked = (await other.textContent("#lot-facts")).match(/Checked(\S+ \S+)/)[1];
    await other.locator("#units button").first().click();
    await other.waitForSelector("#result:not([hidden])");
    assert.ok((await facts()).Checked.startsWith(checked));
  } finally {
    tab = page.tab;
    await browser.close();
  }
});

// ---- words ----------------------------------------------------------------------------------------------------------

/** The same product once more, on a channel of its own. */
async function beta() {
  await writeFile(place("beta.toml"), DESCRIPTION.replace('model = "R1"', 'model = "R1"\nchannel = "beta"\nhardware-revisions = ["B2"]'));
  await kiwame("attest", "signed.bin", "--raw", "--describe", "beta.toml", "--key", "maker.key", "-o", "beta.json");
}

/** Files beside the image, whether they are confirmed, and what the page says in both languages. */
const BY_KEY = {
  accepted: [["signed.json", "maker.key.pub"], true, /Accepted: it is what was ordered, signed with the key given here/, /ここで与えた鍵の署名が有る/],
  held: [["signed.json", "maker.key.pub"], false, /The key is not confirmed/, /鍵が未確認/],
  "another key": [["signed.json", "other.key.pub"], true, /not signed with the key given here.*manifest and the key are of the same maker/, /ここで与えた鍵の署名がない/],
  "another channel": [["beta.json", "maker.key.pub"], true, /fill in “Channel” below “What was ordered”; then verify again/, /「チャネル」に記入し、再度検証する/],
};

for (const [name, [list, confirm, english, japanese]] of Object.entries(BY_KEY)) {
  test(`with a key the page does not speak of a policy: ${name}`, async () => {
    await made();
    await beta();
    await run(["signed.bin", ...list].map(place), { expect: "ACME/R1", confirm });
    const said = async () => {
      const parts = await tab.evaluate(() => ["status", "confirmation", "result"].map((part) => id(part).innerText));
      // What the core says of a finding is not the page's; what to do about it is.
      const core = await tab.evaluate(() => answer.words.findings.map(({ message }) => message));
      return core.reduce((text, sentence) => text.replace(sentence, ""), parts.join(" ")).replace(/\s+/g, " ");
    };
    assert.match(await said(), english);
    assert.doesNotMatch(await said(), /policy/i);
    await tab.click("#japanese");
    await tab.waitForFunction(() => /[\u3040-\u30ff]/.test(document.getElementById("verdict-title").textContent));
    assert.match(await said(), japanese);
    assert.doesNotMatch(await said(), /ポリシー/);
  });
}

test("what only a policy can accept is not asked of a key, and a policy is told what a policy can do", async () => {
  const remedies = (policy) =>
    tab.evaluate((given) => {
      const kinds = Object.keys(texts().remedies);
      const report = { findings: kinds.map((kind) => ({ id: kind, args: {} })), notSeen: [], policy: given };
      const { findings } = wordsOf(report, { findings: kinds.map(() => ({ message: "", remedy: "core" })), notSeen: [] });
      return Object.fromEntries(kinds.map((kind, at) => [kind, findings[at].remedy]));
    }, policy);
  const [key, policy] = [await remedies({}), await remedies({ sha256: "0".repeat(64) })];
  assert.match(key["mutable/any"], /^A key cannot accept that/);
  assert.match(key["encoding/re-encoded"], /A key cannot accept that/);
  assert.doesNotMatch(key["manifest/another-hardware"], /policy/);
  assert.match(policy["manifest/another-hardware"], /named in the policy/);
  assert.deepEqual([policy["mutable/any"], policy["encoding/re-encoded"]], ["core", "core"]);
  // The same for problems, and for what is missing.
  const [expired, lacking] = await tab.evaluate(() => {
    const args = { field: "expires", bound: "2020-01-01T00:00:00Z", now: "0" };
    const of = (given) => inPageWords({ id: "document/out-of-time", args, message: "" }, "manifest", given).next;
    const image = { role: "image", file: { size: 1, name: "a" } };
    const with_ = (role) => missing([image, { role, file: { size: 1, name: "b" } }], "A/B")().next;
    return [["key", "policy"].map(of), ["key", "policy"].map(with_)];
  });
  assert.deepEqual(expired.map((text) => text.includes("policy")), [false, true]);
  assert.deepEqual(lacking.map((text) => [text.includes("public key"), text.includes("the policy")]), [[true, false], [false, true]]);
});

test("Japanese has words for the kinds that a reader meets, and the English word can be found", async () => {
  await run([`${root}firmware-samples/router/router.bin`]);
  const kinds = await tab.evaluate(() => [...new Set(answer.report.regions.map(({ kind }) => kind))]);
  assert.deepEqual(await tab.evaluate((all) => all.filter((kind) => kindWord(kind) !== kind), kinds), [], "English has its own words");
  await tab.click("#japanese");
  await tab.waitForFunction(() => document.documentElement.lang === "ja" && document.getElementById("verdict-title").textContent.includes("判定ではない"));
  const [own, words] = await tab.evaluate((all) => [all.filter((kind) => kindWord(kind) === kind), ["gzip-header", "uefi-volume-header", "no-such-thing", "constructor", "toString-header"].map(kindWord)], kinds);
  // Names of formats are the same in every language.
  assert.deepEqual(own, FORMATS_ONLY.filter((kind) => own.includes(kind)));
  assert.deepEqual(words, ["gzip ヘッダー", "ファームウェアボリュームのヘッダー", "no-such-thing", "constructor", "toString ヘッダー"]);
  const part = tab.locator("#tree .kind[title]").first();
  assert.match(await part.getAttribute("title"), /^[a-z-]+$/);
  await tab.emulateMedia({ media: "print" });
  assert.match(await part.evaluate((element) => getComputedStyle(element, "::after").content), /attr\(title\)|[a-z-]+/);
  await tab.emulateMedia({ media: null });
});
const FORMATS_ONLY = ["squashfs", "jffs2", "cpio", "gzip", "xz", "zstd", "lz4", "lzop", "lzma", "uimage", "elf", "pe", "te"];

test("a place is told only where the core tells one", async () => {
  const said = await tab.evaluate(() => {
    const broken = "TOML parse error at line 12, column 7\n   |\n12 | threshold = [1\n   |\nunclosed array";
    const japanese = broken.replace(/.*/, "TOML として読めない(12 行 7 列)");
    const of = (kind, args, message) => placeIn(kind, args, message) ?? null;
    return [
      of("document/toml", {}, broken),
      of("document/toml", {}, japanese),
      // Numbers of something else, or none at all.
      of("document/toml", {}, "key 3 of 256 is wrong\nmore"),
      of("document/toml", {}, "no number at all\nmore"),
      of("document/toml", {}, "TOML parse error at line 12, column 7"),
      of("document/json", { line: "1", column: "9" }, "line 1, column 9: key \"a: 5\" twice"),
      of("document/json", {}, "cut"),
      of("document/field", {}, "7: found 8"),
    ];
  });
  const there = "cannot be read from line 12, column 7 on: unclosed array";
  assert.deepEqual(said, [there, there, null, null, null, 'cannot be read from line 1, column 9 on: key "a: 5" twice', null, null]);
});

test("the tier of a lot is that of the unit which decided, by what the core says", async () => {
  const tiers = await tab.evaluate(() => {
    const unit = (tier, exitCode) => ({ tier, exitCode });
    const of = (exitCode, ...units) => tierOf({ accepted: exitCode === 0, exitCode, units });
    return [of(0, unit("affirming", 0)), of(1, unit("none", 5), unit("contraindicated", 1)), of(7, unit("affirming", 0), unit("warning", 7)), of(7, unit("affirming", 0)), of(2, unit("unread", 2)), of(5, unit("none", 5))];
  });
  assert.deepEqual(tiers, ["affirming", "contraindicated", "warning", "warning", "none", "none"]);
});

test("a device is shown part by part, with what came out of each", async () => {
  const { fingerprint } = await made();
  const write = (name, text) => writeFile(`${folder}/${name}`, text);
  const about = (model) => `schema = "kiwame-firmware/1"\n[product]\nvendor = "ACME"\nmodel = "${model}"\n[release]\nversion = "7.1"\n`;
  await write("firmware.bin", Buffer.alloc(4096, "firmware"));
  await write("part.toml", about("Firmware"));
  await kiwame("attest", "firmware.bin", "--raw", "--describe", "part.toml", "--key", "maker.key", "-o", "device.json");
  const part = (name, offset, length, rest) => `[[device.part]]\nname = "${name}"\noffset = ${offset}\nlength = ${length}\n${rest}\n`;
  await write(
    "device.toml",
    `schema = "kiwame-policy/1"\nversion = 1\n[[principal]]\nid = "ACME"\nkeys = ["${fingerprint}"]\nroles = ["release"]\n` +
      `[[rule]]\nvendor = "ACME"\nmodel = "Firmware"\nthreshold = 1\n[[device]]\nname = "Board"\nsizes = [16384]\n` +
      part("code", 0, 4096, 'product = "ACME/Firmware"') + part("unit", 4096, 4096, 'content = "any"') + part("spare", 8192, 4096, 'content = "erased"'),
  );
  const dump = (last) =>
    Buffer.concat([Buffer.alloc(4096, "firmware"), Buffer.alloc(4096, "serial 1 "), Buffer.alloc(4096, 0xff), Buffer.alloc(4095, 0xff), Buffer.of(last)]);
  await write("board.bin", dump(0xff));
  await run(["board.bin", "device.json", "device.toml"].map((name) => `${folder}/${name}`), { confirm: true });
  assert.match(await tab.textContent("#verdict-title"), /matches the signed reference, .*4,096 bytes.* not judged/);
  const facts = await tab.textContent("#facts");
  assert.match(facts, /Part code✓ 0x0\+0x1000: ACME\/Firmware@7\.1/);
  assert.match(facts, /Part unit✓ 0x1000\+0x1000: anything that is no program, not judged/);
  assert.match(facts, /Part spare✓ 0x2000\+0x1000: erased/);
  await write("board.bin", dump(0));
  await run(["board.bin", "device.json", "device.toml"].map((name) => `${folder}/${name}`), { confirm: true, again: true });
  assert.match(await tab.textContent("#verdict-title"), /cannot tell/);
  assert.match(await tab.textContent("#findings"), /image\/between-parts/);
  assert.deepEqual(page.complaints, []);
});
