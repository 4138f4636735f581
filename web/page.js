// The page: files in, a request to the core, its report out. Everything that came from a file is shown with
// textContent, after the core has escaped it.

const id = (name) => document.getElementById(name);
const make = (tag, text, className) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};

let lang = navigator.language.startsWith("ja") ? "ja" : "en";
let files = []; // { file, role }
let worker = null; // ends when a run is cancelled
let answer = null; // { report, bytes, words, name, unconfirmed }
let anchors = ""; // fingerprint or digest of what is to be trusted
let asked = 0; // counts what files, roles and options have been: an answer is to one of them only

const texts = () => TEXTS[lang];

/** A file name is not the core's to escape: direction marks and their like are made visible here. */
const plain = (name) => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);

const decode = (bytes) => new TextDecoder().decode(bytes ?? new Uint8Array());

// ---- files ----------------------------------------------------------------------------------------------------

async function add(list) {
  for (const file of list) files.push({ file, role: await guess(file) });
  await filesChanged();
}

/** What a file is for, by its first bytes; the user may say otherwise. */
async function guess(file) {
  const head = decode(new Uint8Array(await file.slice(0, 4096).arrayBuffer()));
  if (/^\s*\{/.test(head) && /"payload/.test(head)) return "manifest";
  if (head.includes("-----BEGIN PUBLIC KEY-----") || /^\s*ed25519:/.test(head)) return "key";
  if (!head.includes("\0") && /^\s*\[\[(rule|principal)\]\]/m.test(head)) return "policy";
  return "image";
}

const having = (role) => files.filter((entry) => entry.role === role).map((entry) => entry.file);

/** An answer is to what was asked. As soon as anything of that changes it is gone: no verdict stands beside another file. */
function changed() {
  asked += 1;
  id("problem").hidden = true;
  if (answer) id("status").textContent = texts().stale;
  answer = null;
  id("result").hidden = true;
}

async function filesChanged() {
  changed();
  anchors = "";
  id("confirmed").checked = false;
  for (const file of having("policy")) {
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    anchors = `sha256:${Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  for (const file of having("key")) {
    const response = await ask("key-show", [{ role: "key", name: file.name, data: file }], { render: "text" });
    anchors = response.exit === 0 ? decode(response.outputs.stdout).split("\n")[0] : "";
  }
  showFiles();
}

function showFiles() {
  const rows = files.map((entry) => {
    const row = make("li");
    const select = make("select");
    select.ariaLabel = `${texts().role}: ${plain(entry.file.name)}`;
    for (const [role, text] of Object.entries(texts().roles)) {
      const option = make("option", text);
      option.value = role;
      option.selected = role === entry.role;
      select.append(option);
    }
    select.addEventListener("change", () => {
      entry.role = select.value;
      filesChanged();
    });
    const remove = make("button", "×");
    remove.type = "button";
    remove.ariaLabel = texts().remove(plain(entry.file.name));
    remove.addEventListener("click", () => {
      files = files.filter((other) => other !== entry);
      filesChanged();
    });
    row.append(make("span", plain(entry.file.name), "name"), make("span", texts().size(entry.file.size), "size"), select, remove);
    return row;
  });
  id("list").replaceChildren(...rows);
  const verifying = files.some((entry) => entry.role !== "image");
  id("start").textContent = verifying ? texts().verify : texts().inspect;
  id("start").disabled = files.length === 0;
  id("clear").hidden = files.length === 0;
  id("options").classList.toggle("verifying", verifying);
  id("confirmation").hidden = anchors === "";
  id("fingerprint").textContent = anchors;
}

// ---- a run ----------------------------------------------------------------------------------------------------

async function start() {
  const [image, ...others] = having("image");
  const expect = id("expect").value.trim();
  const problem =
    (!image && texts().needImage) ||
    (others.length > 0 && texts().oneImage) ||
    (image.size === 0 && texts().empty(plain(image.name))) ||
    (having("key").length > 0 && !expect && texts().needExpect);
  if (problem) return fail(problem);

  const verifying = files.some((entry) => entry.role !== "image");
  const order = ["image", "manifest", "policy", "key"];
  const sources = order.flatMap((role) => having(role).map((data) => ({ role, name: data.name, data })));
  const extra = { render: "words", now: `${new Date().toISOString().slice(0, 19)}Z`, nowSource: "host-clock" };
  const [channel, hardware] = ["channel", "hardware"].map((name) => id(name).value.trim());
  const expected = { ...(expect && { expect }), ...(channel && { channel }), ...(hardware && { hardware }) };
  if (verifying) Object.assign(extra, { deep: id("deep").checked, ...expected });

  busy(true);
  const question = asked;
  try {
    const response = await ask(verifying ? "verify" : "inspect", sources, extra, showProgress);
    if (question !== asked) return void (id("status").textContent = texts().stale);
    const bytes = response.outputs.report;
    if (!bytes) return fail(texts().refused, decode(response.outputs.stderr), response.exit);
    const words = JSON.parse(decode(response.outputs.stdout));
    const unconfirmed = anchors !== "" && !id("confirmed").checked;
    id("problem").hidden = true;
    answer = { report: JSON.parse(decode(bytes)), bytes, words, name: image.name, unconfirmed };
    showAnswer();
    id("status").textContent = texts().done;
    id("verdict-title").focus();
  } catch (error) {
    if (error instanceof Cancelled) id("status").textContent = texts().cancelled;
    else {
      // After a trap nothing in there is worth keeping.
      worker?.terminate();
      worker = null;
      fail(texts().bug, error.message);
    }
  } finally {
    busy(false);
  }
}

function cancel() {
  worker?.terminate();
  worker?.stop?.();
  worker = null;
}

function busy(running) {
  id("busy").hidden = !running;
  id("cancel").hidden = !running;
  id("start").disabled = running || files.length === 0;
  if (!running) return;
  id("result").hidden = true;
  id("problem").hidden = true;
  id("status").textContent = texts().working;
  showProgress(0, 1);
}

function showProgress(done, total) {
  const part = total > 0 ? done / total : 0;
  id("progress").value = part;
  id("percent").textContent = `${Math.floor(part * 100)} %`;
}

function fail(title, detail = "", exit = undefined) {
  const code = exit === undefined ? "" : ` (${texts().facts.exit} ${exit})`;
  id("problem").replaceChildren(make("p", `${title}${code}`), ...(detail ? [make("pre", detail)] : []));
  id("problem").hidden = false;
  id("status").textContent = "";
  id("result").hidden = true;
}

// ---- words ----------------------------------------------------------------------------------------------------

async function speak(chosen) {
  lang = chosen;
  document.documentElement.lang = lang;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts()[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = texts()[element.dataset.label];
  id("english").ariaPressed = String(lang === "en");
  id("japanese").ariaPressed = String(lang === "ja");
  showFiles();
  if (!answer) return;
  const source = { role: "report", name: answer.name, data: answer.bytes };
  const response = await ask("report-show", [source], { render: "words" });
  answer.words = JSON.parse(decode(response.outputs.stdout));
  showAnswer();
}

function clear() {
  cancel();
  files = [];
  answer = null;
  id("status").textContent = "";
  id("options").reset();
  filesChanged();
}

const grid = new Treegrid(id("tree"), cells, showDetails);

id("choose").addEventListener("change", (event) => {
  add(Array.from(event.target.files));
  event.target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    id("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", () => id("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  id("drop").classList.remove("over");
  add(Array.from(event.dataTransfer.files));
});
id("options").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
for (const name of ["expect", "channel", "hardware", "deep", "confirmed"]) {
  id(name).addEventListener("input", () => {
    if (answer || !id("problem").hidden) changed();
    else asked += 1;
  });
}
id("cancel").addEventListener("click", cancel);
id("clear").addEventListener("click", clear);
id("save").addEventListener("click", save);
id("more-findings").addEventListener("click", () => showFindings(answer.report.findings.length));
id("english").addEventListener("click", () => speak("en"));
id("japanese").addEventListener("click", () => speak("ja"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => answer && showMap());
speak(lang);
