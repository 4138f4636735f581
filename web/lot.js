// Several dumps make a lot, as a command makes one: each is verified by itself, and the core makes the table from the
// reports. Short reports are kept; of one unit at a time all regions are listed, when somebody looks at it.

/** { units, references, extra, time, given, saved, leftOut, table, outputs }. A unit is { file, exit, and `report` and its
 * `sha256`, or `why` there is none }. */
let lot = null;

/** Exit codes of a file that cannot be used, and of a bug of ours. */
const UNUSABLE = 2;
const BUG = 70;
/** Larger images are read where they lie. */
const HELD_IN_MEMORY = 256 * 1024 * 1024;

const nameOfSource = (role) => (data) => ({ role, name: data.name, data });

/** Verifies all images, one after another, and shows the table. */
async function startLot(images, references, { now, nowSource, render, ...expected }, question) {
  const made = {
    units: images.map((file) => ({ file })),
    references,
    extra: expected,
    time: { now, nowSource },
    given: givenNow(),
    leftOut: having("aside").map(({ name }) => name),
  };
  const begun = stops;
  // Between two questions to the core there is none that could be broken off.
  const isOver = () => {
    if (begun !== stops) throw new Cancelled();
    return question !== asked;
  };
  const refused = await judgeLot(made, isOver);
  if (isOver()) return showStatus("stale");
  if (refused) return fail(refused);
  lot = made;
  showLot();
  showStatus("done");
  intoView(id("lot"), id("lot-title"));
}

/** Verifies all units, and again those that the others have a part in, and has the table made. Gives back what is wrong with
 * all of them. */
async function judgeLot(made, isOver) {
  const known = await presentedOf(made.units, isOver);
  const refused = (await judgeAll(made, made.units, isOver)) ?? (await judgeAll(made, asksAgain(made.units, known), isOver));
  return refused ?? (isOver() ? undefined : tabulate(made));
}

/** Tells each unit of the digests of all, as far as they are known before anything is verified: an image that is not held in
 * memory has its from its report. */
async function presentedOf(units, isOver) {
  for (const unit of units) {
    if (isOver()) break;
    unit.sha256 = unit.file.size > HELD_IN_MEMORY ? undefined : await digestOfImage(unit.file);
  }
  const presented = digestsOf(units);
  for (const unit of units) unit.also = { presented };
  return presented;
}

/** SHA-256 of an image; what cannot be read is complained about when its turn comes. */
async function digestOfImage(file) {
  return file.arrayBuffer().then((bytes) => crypto.subtle.digest("SHA-256", bytes)).then(hexOf, () => undefined);
}

const digestsOf = (units) => units.flatMap(({ sha256 }) => sha256 ?? []);

/** Verifies images one after another, until one of them shows what is wrong with all: that is given back. */
async function judgeAll(made, units, isOver) {
  for (const [at, unit] of units.entries()) {
    if (isOver()) return undefined;
    const refused = await judge(made, unit, (part) => showProgress(at + part, units.length));
    if (refused) return refused;
    showProgress(at + 1, units.length);
  }
}

/** Images that have to be asked about again when all are known: one that the core misses another image of the release
 * beside, and one that was given twice. What they are told of the others stays with them. */
function asksAgain(units, known) {
  const twice = (list) => new Set(list.filter((digest, at) => list.indexOf(digest) !== at));
  const presented = digestsOf(units);
  const [before, now] = [twice(known), twice(presented)];
  const presentedAs = units.flatMap(({ compared }) => compared ?? []);
  const again = units.filter(({ report, absent, sha256 }) => report && (absent || (now.has(sha256) && !before.has(sha256))));
  for (const unit of again) unit.also = unit.absent ? { presented, presentedAs } : { presented };
  return again;
}

/** Verifies one image. Gives back a problem when there is one with what all of them are compared with. */
async function judge(made, unit, progress) {
  const { name } = unit.file;
  const sources = [nameOfSource("image")(unit.file), ...made.references];
  const told = (done, total) => progress(total > 0 ? done / total : 0);
  let response;
  try {
    response = await ask("verify", sources, { ...made.extra, ...made.time, ...unit.also, render: "words" }, told);
  } catch (error) {
    return void Object.assign(unit, unanswered(error, name, made.units.length));
  }
  const { report, compared, absent } = response.outputs;
  if (report?.length > 0) {
    const { sha256 } = JSON.parse(decode(report)).image;
    // Not in memory: where much differs, reports are large.
    const kept = new Blob([report]);
    return void Object.assign(unit, { exit: response.exit, report: kept, sha256, compared: compared && decode(compared), absent: absent?.length > 0 });
  }
  const problem = problemOf(response, sources);
  const { control, file } = problem();
  if (control === "expect" || (file && file !== unit.file)) return problem;
  Object.assign(unit, { exit: response.exit, report: undefined, why: saidOf(response.outputs) });
}

/** What the core says in place of a report, in one line. */
const saidOf = ({ problem }) => JSON.parse(decode(problem)).message[lang].replaceAll("\n", " ");

/** What becomes of a unit that the core gave no answer about. What is wrong with all of them ends the run, and is called
 * by its place behind all `images`. */
function unanswered(error, name, images) {
  if (error instanceof Cancelled) throw error;
  if (error instanceof Unread && error.source > 0) throw new Unread(error.why, error.source - 1 + images);
  if (error instanceof Unread) return { exit: UNUSABLE, report: undefined, why: `${name}: ${TEXTS.en.unread[error.why]}` };
  worker?.terminate();
  worker = null;
  return { exit: BUG, report: undefined, why: `${name}: ${error.message}` };
}

/** Has the core make the table, in the language of the moment. */
async function tabulate(made) {
  const sources = made.units.filter(({ report }) => report).map(({ file, report }) => ({ role: "report", name: file.name, data: report }));
  const unread = made.units.flatMap(({ file, exit, why, report }, at) => (report ? [] : [{ at, file: file.name, exitCode: exit, why }]));
  const zone = -new Date(made.time.now).getTimezoneOffset();
  const asking = { zone, unread, leftOut: made.leftOut, summaries: ["words", "html", "csv", "md"] };
  const response = await ask("lot", sources, { ...made.time, expect: made.extra.expect, render: "json", lot: asking });
  const { stdout: json, words, html, csv, md } = response.outputs;
  if (!json) return problemOf(response, sources);
  Object.assign(made, { table: JSON.parse(decode(json)), words: JSON.parse(decode(words)), outputs: { json, html, csv, md } });
}

// ---- the table --------------------------------------------------------------------------------------------------

/** The tier of all of them: that of the unit which decided. Where none did, it was what is odd about them together, and that
 * asks for a person. */
function tierOf({ accepted, exitCode, units }) {
  if (accepted) return "affirming";
  const decided = units.find((unit) => unit.exitCode === exitCode);
  return decided === undefined ? "warning" : Object.hasOwn(ICONS, decided.tier) ? decided.tier : "none";
}

function showLot() {
  const { table, words } = lot;
  const unconfirmed = unconfirmedOf(lot);
  // RULES 18: as long as nobody has compared what came with the images, none of them is vouched for, nor against.
  const held = unconfirmed !== null;
  const tier = held && table.accepted ? "warning" : tierOf(table);
  const icon = make("span", ICONS[tier], "icon");
  icon.ariaHidden = "true";
  id("lot-title").className = `verdict ${tier}`;
  id("lot-title").replaceChildren(icon, make("span", held ? heldLine(tier, table.totals) : words.first));
  id("lot-note").textContent = held ? texts().anchors[unconfirmed].unconfirmed : "";
  id("lot-confirm-now").textContent = texts().goTo.confirmed;
  id("lot-confirm-now").hidden = !held;
  for (const button of id("lot-save").querySelectorAll("button")) button.disabled = held;
  id("lot-save-why").textContent = held ? texts().anchors[unconfirmed].noSave : "";
  id("units").tHead.rows[0].replaceChildren(...words.heads.map(headCell));
  id("units").tBodies[0].replaceChildren(...lot.units.map((unit, at) => unitRow(at, held)));
  id("units").classList.toggle("nobody", words.rows.every((cells) => cells[4] === ""));
  const leftOut = table.leftOut.length > 0 ? [texts().lot.leftOut(table.leftOut.join(", "))] : [];
  const odd = words.findings.map(({ message, remedy }) => message + texts().lot.between + remedy).concat(leftOut);
  const tiers = new Set(Array.from(id("units").tBodies[0].rows, (row) => row.dataset.tier));
  id("only").hidden = !(tiers.has("affirming") && tiers.size > 1);
  id("only-odd").checked &&= !id("only").hidden;
  showOnly();
  id("odd-title").hidden = odd.length === 0;
  id("odd").replaceChildren(...odd.map((sentence) => make("li", sentence)));
  describe(id("lot-facts"), factsOf(table, held));
  id("lot").hidden = false;
  id("skip").hidden = false;
  id("skip").hash = "lot-title";
  unitStops.settle();
}

/** The same table in other words; it may lie behind a unit of it. */
function showLotAgain() {
  const shown = !id("lot").hidden;
  const at = Array.from(id("units").tBodies[0].rows).indexOf(unitStops.current);
  showLot();
  unitStops.settle(id("units").tBodies[0].rows[at]);
  id("lot").hidden = !shown;
  if (!shown) id("skip").hash = "verdict-title";
}

/** The first line while the key or the policy is not confirmed: no unit counts as one that matches. */
function heldLine(tier, { affirming, warning, contraindicated, none, unread, units }) {
  const counts = { contraindicated, warning: warning + affirming, none, unread };
  const each = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => texts().lot.count(texts().lot.tiers[name], count));
  return texts().lot.held(texts().tiers[tier], units, each);
}

/** The same table in another language. */
async function speakOfLot() {
  const told = lot;
  await tabulate(told);
  if (lot === told) showLotAgain();
}

/** The name of a file without its ending. */
const stem = (name) => name.replace(/(?<=.)\.[^.]*$/, "");

function headCell(text) {
  const cell = make("th", text);
  cell.scope = "col";
  return cell;
}

function unitRow(at, held) {
  const unit = lot.units[at];
  const { tier, file } = lot.table.units[at];
  const [said, verdict, ...others] = lot.words.rows[at];
  // A name that is the file's own needs to be made safe for this page alone.
  const serial = said === stem(file) ? plain(stem(unit.file.name)) : said;
  const withheld = held && tier === "affirming";
  const row = make("tr");
  row.dataset.tier = withheld ? "warning" : tier;
  const head = make("th");
  head.scope = "row";
  if (unit.report) {
    const button = make("button", serial, "link");
    button.type = "button";
    head.append(button);
    row.addEventListener("click", () => openUnit(at));
  } else head.append(make("span", serial));
  // Who gave the file called it something else than the image calls itself.
  if (said !== stem(file)) head.append(" ", make("span", plain(unit.file.name), "kind"));
  const cells = [withheld ? `! ${texts().lot.tiers.warning}` : verdict, ...others].map((text, column) => {
    const cell = make("td", text);
    if (text !== "") cell.dataset.head = lot.words.heads[column + 1];
    return cell;
  });
  row.append(head, ...cells);
  return row;
}

function factsOf({ manifests, policies, time, tool, exitCode }, held) {
  const names = texts().facts;
  return [
    ...manifests.flatMap(({ release, signers, payloadSha256 }) => [[names.manifest, `${release}: ${signers.join(", ")}`], [names.payload, payloadSha256]]),
    ...policies.map((digest) => [names.policy, digest]),
    [names.checked, checkedAt(time.value)],
    [names.time, time.value && `${time.value} (${time.source})`],
    [names.core, tool.coreSha256],
    [names.exit, String(held && exitCode === 0 ? HELD : exitCode)],
  ];
}

/** All rows, or those that need a look. */
function showOnly() {
  id("units").classList.toggle("odd-alone", id("only-odd").checked);
  unitStops.settle();
}

/** The files of the lot: its table as the core renders it, and all reports, one a line. */
function saveLot(kind) {
  lot.saved = true;
  const reports = lot.units.flatMap(({ report }) => report ?? []);
  if (kind === "reports") return saveAs("lot.reports.jsonl", "application/jsonl", reports);
  const types = { html: "text/html", csv: "text/csv", json: "application/json", md: "text/markdown" };
  saveAs(`lot.${kind}`, types[kind], [lot.outputs[kind]]);
}

// ---- one unit of it -----------------------------------------------------------------------------------------------

/** The whole result of a unit. It is verified once more, at the time of the lot, so that nothing but what is looked at has
 * to be kept; what is saved is the report that the table names. */
async function openUnit(at) {
  if (id("lot").ariaBusy) return;
  const [mine, question] = [lot, asked];
  const unit = mine.units[at];
  const sources = [nameOfSource("image")(unit.file), ...mine.references];
  const isOver = () => question !== asked || lot !== mine;
  id("lot").ariaBusy = "true";
  // What is there at once needs no bar that flashes by.
  let shown = false;
  const slow = setTimeout(() => {
    if (isOver()) return;
    shown = true;
    busy(true);
    intoView(id("busy"), id("busy"));
  }, 300);
  try {
    const extra = { ...mine.extra, ...mine.time, ...unit.also, render: "words", regions: true };
    const response = await ask("verify", sources, extra, showProgress);
    if (isOver()) return;
    const report = response.outputs.report && JSON.parse(decode(response.outputs.report));
    if (!report || !isSame(report, mine.table.units[at])) throw new Unread("changed", 0);
    const words = JSON.parse(decode(response.outputs.stdout));
    const { given } = mine;
    answer = { report, bytes: unit.report, words, name: unit.file.name, given, claimed: false, asking: { verb: "verify", sources, extra }, unit: at };
    id("lot").hidden = true;
    showTrouble(null);
    showAnswer();
    showStatus("done");
    intoView(id("result"), id("verdict-title"));
  } catch (error) {
    if (isOver()) return;
    // The table is still what it was.
    id("lot").hidden = false;
    failed(error, sources);
    if (error instanceof Cancelled) backToLot(at);
  } finally {
    clearTimeout(slow);
    id("lot").ariaBusy = null;
    if (shown) busy(false);
  }
}

/** What is opened has to be what the table speaks of. */
const isSame = ({ image, exitCode, verdict }, unit) => image.sha256 === unit.sha256 && exitCode === unit.exitCode && verdict.tier === unit.tier;

/** Leaves a unit, and everything that was made to show it. */
function backToLot(at = answer.unit) {
  answer = null;
  id("result").hidden = true;
  grid.show(treeOf([]));
  hideDetails();
  for (const name of ["findings", "not-seen"]) id(name).replaceChildren();
  id("lot").hidden = false;
  id("skip").hash = "lot-title";
  const row = id("units").tBodies[0].rows[at];
  row.scrollIntoView({ block: "center" });
  row.querySelector("button")?.focus({ preventScroll: true });
}
