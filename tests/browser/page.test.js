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
