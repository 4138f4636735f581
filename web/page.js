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
let files = []; // { file, kind, role, trouble? }
let worker = null; // ends when a run is cancelled
let answer = null; // { report, bytes, words, name, given, claimed, saved, asking }, and of a lot the unit
let anchor = null; // { kind, text }: fingerprint of the key, or digest of the policy, that is to be trusted
let trouble = null; // says the problem that is shown, in the language of the moment
let begunWith = {}; // the options of the last run: those of the result that is shown
let asked = 0; // counts what files, roles and options have been: an answer is to one of them only

const texts = () => TEXTS[lang];

/** A file name is not the core's to escape: direction marks and their like are made visible here. */
const plain = (name) => name.replace(/(?![ \u3000])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);

const hexOf = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

const decode = (bytes) => new TextDecoder().decode(bytes ?? new Uint8Array());

// ---- files ----------------------------------------------------------------------------------------------------

async function add(list) {
  if (!mayGo()) return;
  for (const file of list) files.push({ file, ...(await guess(file)) });
  await filesChanged();
}

const having = (role) => files.filter((entry) => entry.role === role).map((entry) => entry.file);

/** An answer is to what was asked. As soon as anything of that changes it is gone: no verdict stands beside another file. */
function changed() {
  asked += 1;
  showTrouble(null);
  if (answer || lot) showStatus("stale");
  forget();
}

function forget() {
  answer = null;
  lot = null;
  id("result").hidden = true;
  id("lot").hidden = true;
  id("reports").hidden = true;
  id("skip").hidden = true;
}

/** Whether there is a result that is nowhere but on this page. Of a lot it is the lot that is kept or not. */
const isUnsaved = () => (lot ? !lot.saved : answer !== null && !answer.claimed && !answer.saved);

/** Asks before a change takes away a result that is nowhere else. */
const mayGo = () => !isUnsaved() || confirm(texts().lose);

async function filesChanged() {
  changed();
  const question = asked;
  anchor = null;
  id("confirmed").checked = false;
  for (const entry of files) entry.trouble = undefined;
  showFiles();
  id("list").ariaBusy = "true";
  const found = [];
  for (const entry of files) {
    const kind = entry.role;
    if (kind === "policy" || kind === "key") found.push({ kind, entry, ...(kind === "policy" ? await digestOf(entry) : await fingerprintOf(entry)) });
  }
  if (question !== asked) return;
  for (const { entry, trouble: why } of found) entry.trouble = why;
  // Of several, none is it: the run says so.
  anchor = found.length === 1 && found[0].text ? found[0] : null;
  id("list").ariaBusy = null;
  showFiles();
}

/** Bytes that the core takes for a policy. */
const POLICY_AT_MOST = 1 << 20;

async function digestOf({ file }) {
  if (file.size > POLICY_AT_MOST) return {};
  try {
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return { text: `sha256:${hexOf(hash)}` };
  } catch {
    return { trouble: () => texts().kinds.unreadable };
  }
}

/** A key that is none is said to be so at once, and one whose private half is published, too. */
async function fingerprintOf({ file }) {
  const sources = [{ role: "key", name: file.name, data: file }];
  try {
    const response = await ask("key-show", sources, { render: "json" });
    if (response.exit !== 0) {
      const problem = problemOf(response, sources);
      return { trouble: () => `${problem().what} ${problem().next}` };
    }
    const { fingerprint, known } = JSON.parse(decode(response.outputs.stdout));
    return { text: fingerprint, trouble: known ? () => texts().anchors.key.known : undefined };
  } catch (error) {
    // What keeps the core from starting is said when it is asked for an answer.
    return error instanceof Unread ? { trouble: () => texts().kinds.unreadable } : {};
  }
}

/** Rows stay as they are as long as their files do: the focus stays in a list that somebody chooses from. */
function showFiles() {
  for (const row of Array.from(id("list").children)) if (!files.includes(row.entry)) row.remove();
  for (const entry of files) {
    entry.row ??= fileRow(entry);
    if (!entry.row.isConnected) id("list").append(entry.row);
    tellFile(entry);
  }
  const report = files.some((entry) => entry.role === "report");
  const verifying = files.some((entry) => ["manifest", "policy", "key"].includes(entry.role));
  const images = having("image").length;
  id("start").textContent = report ? texts().openReport : !verifying ? texts().inspect : images > 1 ? texts().lot.verify(images) : texts().verify;
  id("start").disabled = files.length === 0;
  id("start-why").hidden = files.length > 0;
  id("clear").hidden = files.length === 0;
  id("options").classList.toggle("verifying", verifying);
  id("confirmation").hidden = anchor === null;
  if (anchor === null) return;
  const words = texts().anchors[anchor.kind];
  id("confirm-why").textContent = words.why;
  id("anchor-name").textContent = words.name;
  id("fingerprint").textContent = anchor.text;
  id("confirm").textContent = words.confirm;
}

function fileRow(entry) {
  const row = make("li");
  row.entry = entry;
  const remove = make("button", "×");
  remove.type = "button";
  remove.addEventListener("click", () => removeFile(entry));
  row.append(make("span", plain(entry.file.name), "name"), make("span", "", "size"), useOf(entry), remove);
  return row;
}

/** The focus goes to the list, not to a button that would remove the next file; where none is left, to where files are
 * chosen. */
function removeFile(entry) {
  if (!mayGo()) return;
  files = files.filter((other) => other !== entry);
  filesChanged();
  id(files.length > 0 ? "list" : "choose").focus({ preventScroll: true });
}

/** What is said in the row of a file, in the language of the moment. */
function tellFile(entry) {
  const { row, file } = entry;
  const name = plain(file.name);
  row.querySelector(".size").textContent = texts().size(file.size);
  row.querySelector("button").ariaLabel = texts().remove(name);
  const select = row.querySelector("select");
  if (select) select.ariaLabel = `${texts().role}: ${name}`;
  else row.querySelector(".use").textContent = texts().roles.aside;
  for (const option of select?.options ?? []) option.textContent = texts().roles[option.value];
  row.querySelector(".note")?.remove();
  const note = noteOf(entry);
  if (note) row.append(make("p", note.text, note.warning ? "note warning" : "note"));
}

/** What a file is used for: a list to choose from; of a private key there is nothing to choose. */
function useOf(entry) {
  if (entry.kind === "privateKey") return make("span", "", "use");
  const select = make("select");
  for (const role of Object.keys(texts().roles)) {
    const option = make("option");
    option.value = role;
    option.selected = role === entry.role;
    select.append(option);
  }
  select.addEventListener("change", () => {
    if (!mayGo()) return void (select.value = entry.role);
    entry.role = select.value;
    filesChanged();
  });
  return select;
}

// ---- a run ----------------------------------------------------------------------------------------------------

/** Fields that are part of the question, and what holds the value of each. */
const OPTIONS = { expect: "value", channel: "value", hardware: "value", deep: "checked" };

/** `unconfirmed`: somebody was asked for the confirmation, and wants to run without it. */
async function start(unconfirmed = false) {
  const expect = id("expect").value.trim();
  const problem = missing(files, expect) ?? (unconfirmed ? undefined : unasked());
  if (problem) return fail(problem);

  const given = (...roles) => roles.flatMap((role) => having(role).map(nameOfSource(role)));
  const sources = given("image", "manifest", "policy", "key", "report");
  const verb = sources[0].role === "report" ? "report-show" : sources.length > 1 ? "verify" : "inspect";
  const extra = { render: "words", now: `${new Date().toISOString().slice(0, 19)}Z`, nowSource: "host-clock" };
  const [channel, hardware] = ["channel", "hardware"].map((name) => id(name).value.trim());
  const expected = { ...(expect && { expect }), ...(channel && { channel }), ...(hardware && { hardware }) };
  if (verb === "verify") Object.assign(extra, { deep: id("deep").checked, regions: true, ...expected });

  begunWith = Object.fromEntries(Object.entries(OPTIONS).map(([name, holds]) => [name, id(name)[holds]]));
  forget();
  busy(true);
  const question = asked;
  try {
    const images = having("image");
    if (images.length > 1) return await startLot(images, given("manifest", "policy", "key"), { ...extra, regions: false }, question);
    if (verb === "report-show") return await openClaims(sources[0]);
    const response = await ask(verb, sources, extra, showProgress);
    if (question !== asked) return void showStatus("stale");
    take(response, sources, { verb, extra });
  } catch (error) {
    failed(error, sources);
  } finally {
    busy(false);
  }
}

/** What the confirmation is of: with neither policy nor key there is nothing to confirm. */
const givenNow = () => (having("policy").length > 0 ? "policy" : having("key").length > 0 ? "key" : null);

/** What nobody has confirmed yet of that to which there is an answer. It is looked up when it is shown: what is ticked
 * belongs to the files of the moment, as the answer does. */
const unconfirmedOf = ({ given }) => (given && !id("confirmed").checked ? given : null);

/** Asks for the confirmation before the work, not after it. What has no fingerprint is no key, and the core says so. */
function unasked() {
  const given = givenNow();
  const open = given !== null && !id("confirmed").checked && (anchor !== null || id("list").ariaBusy);
  if (!open) return undefined;
  return () => ({ what: texts().anchors[given].unasked, next: texts().anchors[given].first, control: "confirmed", anyway: true });
}

/** Shows what the core answered, or why it gave no report. A choice in a list leaves the focus where it is. */
function take(response, sources, { verb, extra, place }, chosen = false) {
  const [{ name, data: file }] = sources;
  const bytes = response.outputs.report;
  const odd = () => ({ what: `${plain(name)}: ${texts().claimed.odd}.`, next: texts().wrongFile.report, control: "list", file });
  if (!bytes && response.exit === 0) return fail(odd, chosen);
  if (!bytes) return fail(problemOf(response, sources), chosen);
  const words = JSON.parse(decode(response.outputs.stdout));
  const report = JSON.parse(decode(bytes));
  if (verb === "report-show") {
    if (!isSound(report)) return fail(odd, chosen);
    answer = { report: shownPlain(report), bytes, words: shownPlain(words), name, given: null, claimed: true, place };
  } else {
    answer = { report, bytes, words, name, given: verb === "verify" ? givenNow() : null, claimed: false, asking: { verb, sources, extra } };
  }
  showTrouble(null);
  showAnswer();
  showStatus(answer.claimed ? "claimedShown" : "done");
  if (chosen) return announce(id("verdict-title").textContent);
  // Of several reports none is the whole of it.
  const [shown, title] = place === undefined ? ["result", "verdict-title"] : ["reports", "reports-title"];
  intoView(id(shown), id(title));
}

/** Why a run ended without an answer: the user's wish, a file, or a bug. */
function failed(error, sources, chosen = false) {
  if (error instanceof Cancelled) return showStatus("cancelled");
  answer = null;
  if (error instanceof Unread) {
    const { name, data: file } = sources[error.source];
    return fail(() => ({ what: `${plain(name)}: ${texts().unread[error.why]}.`, next: texts().core.changed[1], control: "list", file }), chosen);
  }
  // After a trap nothing in there is worth keeping.
  worker?.terminate();
  worker = null;
  fail(() => ({ what: texts().bug[0], next: texts().bug[1], detail: error.message }), chosen);
}

function cancel() {
  stops += 1;
  worker?.terminate();
  worker?.stop?.();
  worker = null;
}

/** While the core works there is no start, but a way to cancel; the focus goes to it and back. */
function busy(running) {
  const within = id("busy").contains(document.activeElement);
  id("busy").hidden = !running;
  id("start").hidden = running;
  if (!running) return void (within && id(files.length > 0 ? "start" : "choose").focus());
  id("busy").focus({ preventScroll: true });
  id("result").hidden = true;
  id("lot").hidden = true;
  showTrouble(null);
  showStatus("working");
  showProgress(0, 1);
}

function showProgress(done, total) {
  const part = total > 0 ? done / total : 0;
  id("progress").value = part;
  id("percent").textContent = `${Math.floor(part * 100)} %`;
}

/** What the line below the form says; it is said again in another language. */
function showStatus(name = "") {
  id("status").dataset.says = name;
  id("status").textContent = name === "" ? "" : name === "claimedShown" ? texts().claimed.status : texts()[name];
}

/** Says something to whoever cannot see it, where the focus does not go to it. */
const announce = (sentence) => (id("said").textContent = sentence);

/** Nothing was done: says what is wrong and what to do, and brings that into view at every zoom. */
function fail(problem, chosen = false) {
  showStatus();
  answer = null;
  id("result").hidden = true;
  showTrouble(problem);
  if (!chosen) intoView(id("problem"), id("problem"));
  else id("problem").scrollIntoView({ block: "nearest" });
}

function showTrouble(problem) {
  // In another language it stays open or closed.
  const isOpen = problem === trouble ? id("problem").querySelector("details")?.open : undefined;
  trouble = problem;
  id("problem").hidden = problem === null;
  id("expect").ariaInvalid = null;
  if (problem === null) return;
  const { what, next, control, file, detail, exit, anyway } = problem();
  const code = exit === undefined ? "" : ` (${texts().facts.exit} ${exit})`;
  const parts = [make("p", `${texts().notDone} ${what}${code}`, "what"), make("p", next)];
  if (control) {
    const go = make("button", texts().goTo[control]);
    go.type = "button";
    go.addEventListener("click", () => goTo(control, file));
    parts.push(go);
  }
  if (anyway) {
    const go = make("button", texts().anyway);
    go.type = "button";
    go.id = "anyway";
    go.addEventListener("click", () => start(true));
    parts.push(" ", go);
  }
  if (detail) {
    const folded = make("details");
    folded.open = isOpen ?? exit === undefined;
    folded.append(make("summary", texts().coreWords), make("pre", detail));
    parts.push(folded);
  }
  if (control === "expect") id("expect").ariaInvalid = "true";
  id("problem").replaceChildren(...parts);
}

function goTo(control, file) {
  if (control === "choose") return id("choose").click();
  const row = Array.from(id("list").children).find((line) => line.entry.file === file);
  const target = control === "list" ? row?.querySelector("select") : id(control);
  intoView(target, target);
}

/** Brings an element to the top of the screen and the focus into it. */
function intoView(element, focused) {
  element?.scrollIntoView({ block: "start" });
  focused?.focus({ preventScroll: true });
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
  sayReports();
  showTrouble(trouble);
  showStatus(id("status").dataset.says);
  if (lot) await speakOfLot();
  if (!answer) return;
  const told = answer;
  const source = { role: "report", name: told.name, data: told.bytes };
  const response = await ask("report-show", [source], { render: "words" });
  const words = JSON.parse(decode(response.outputs.stdout));
  told.words = told.claimed ? shownPlain(words) : words;
  if (answer === told) sayAnswer();
}

function clear() {
  if (isUnsaved() && !confirm(texts().leave)) return;
  cancel();
  files = [];
  forget();
  showStatus();
  id("options").reset();
  filesChanged();
  id("choose").focus();
}

/** What was held back for want of the confirmation is said with it, where it can be seen: no work has to be done again for
 * that. The focus stays in the box. */
function confirmed() {
  if (trouble?.().anyway) showTrouble(null);
  if (lot) showLotAgain();
  if (answer) sayAnswer();
  const [title, note] = answer ? ["verdict-title", "verdict-note"] : ["lot-title", "lot-note"];
  if (!answer && !lot) return;
  id(title).scrollIntoView({ block: "nearest" });
  announce(`${id(title).textContent} ${id(note).textContent}`);
}

const grid = new Treegrid(id("tree"), cells, showDetails);
const findingStops = new Stops(id("findings"), () => Array.from(id("findings").children));
const unitStops = new Stops(id("units"), () => Array.from(id("units").tBodies[0].rows).filter((row) => row.checkVisibility() && row.querySelector("button")));

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
  // Enter in a field would press a button that is not there.
  if (!id("start").hidden) start();
});
for (const [name, holds] of Object.entries(OPTIONS)) {
  id(name).addEventListener("input", () => {
    if (!mayGo()) return void (id(name)[holds] = begunWith[name]);
    if (answer || lot || trouble) changed();
    else asked += 1;
  });
}
id("confirmed").addEventListener("input", confirmed);
id("cancel").addEventListener("click", cancel);
addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
id("clear").addEventListener("click", clear);
for (const name of ["confirm-now", "lot-confirm-now"]) id(name).addEventListener("click", () => goTo("confirmed"));
for (const button of id("lot-save").querySelectorAll("button")) button.addEventListener("click", () => saveLot(button.dataset.kind));
id("only-odd").addEventListener("change", showOnly);
id("back").addEventListener("click", () => backToLot());
id("save").addEventListener("click", save);
id("more-findings").addEventListener("click", () => {
  const first = answer.shown;
  answer.shown = answer.report.findings.length;
  showFindings(wordsOf(answer.report, answer.words));
  findingStops.go(id("findings").children[first]);
});
id("to-finding").addEventListener("click", () => findingStops.go(id("findings").children[id("chosen").finding]));
id("chosen").addEventListener("keydown", (event) => event.key === "Escape" && grid.focus(grid.chosenRow()));
id("english").addEventListener("click", () => speak("en"));
id("japanese").addEventListener("click", () => speak("ja"));
addEventListener("beforeprint", ontoPaper);
addEventListener("afterprint", offPaper);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => answer && showMap());
speak(lang);
