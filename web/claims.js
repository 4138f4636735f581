// Reports that were saved: what somebody claims, shown again. Nothing in them is performed again.

/** The reports of the file, each as bytes and with what it claims: a command writes one a line. */
let claims = [];

/** Shows the first report of a file; the others can be chosen. */
async function openClaims(source) {
  const question = asked;
  const bytes = await source.data.arrayBuffer().then((read) => new Uint8Array(read), () => { throw new Unread("moved", 0); });
  claims = linesOf(bytes).map((line) => ({ bytes: line, ...claimIn(line) }));
  if (question === asked) showWhich(source);
  await showClaim(source, 0, question);
}

/** Whoever has `chosen` a report is in the list of them, and may have gone on to another already. */
async function showClaim(source, place, question = asked, chosen = false) {
  const response = await ask("report-show", [{ ...source, data: claims[place]?.bytes ?? new Uint8Array() }], { render: "words" }, showProgress);
  if (question !== asked) return showStatus("stale");
  if (!chosen || Number(id("which").value) === place) take(response, [source], { verb: "report-show", place: claims.length > 1 ? place : undefined }, chosen);
}

/** The lines of a text that are not empty. One JSON value on many lines is put on one: the core takes one a line. */
function linesOf(bytes) {
  const lines = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    if (line.some((byte) => byte > 0x20)) lines.push(line);
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines.every((line) => line[0] === 0x7b && line.length > 2) ? lines : [bytes.map((byte) => (byte === 0x0a ? 0x20 : byte))];
}

/** What a report says of its image in a word, and which unit and image that is, where it says it at all. */
function claimIn(bytes) {
  try {
    const { mode, verdict, image, serial } = JSON.parse(decode(bytes));
    const says = mode === "verify" ? verdict.tier : mode;
    if (!Object.hasOwn(TEXTS.en.claimed.counts, says)) return { says: "odd" };
    return { says, sha256: String(image.sha256).replace(/[^0-9a-f]/g, "").slice(0, 12), serial: typeof serial === "string" ? plain(serial) : undefined };
  } catch {
    return { says: "odd" };
  }
}

function reportAt(place) {
  const { says, sha256, serial } = claims[place];
  const claim = says === "odd" ? undefined : `${[ICONS[says], texts().claimed.counts[says]()].filter(Boolean).join(" ")}, sha256 ${sha256}…`;
  return texts().reportOf(place + 1, claims.length, serial, claim);
}

/** The list to choose a report from. It stands above the result, not in it: of a report that cannot be shown there is none. */
function showWhich(source) {
  id("reports").hidden = claims.length < 2;
  const options = claims.map((_, index) => {
    const option = make("option");
    option.value = String(index);
    return option;
  });
  id("which").replaceChildren(...options);
  sayReports();
  id("which").onchange = () => showClaim(source, Number(id("which").value), asked, true).catch((error) => failed(error, [source], true));
}

/** How many reports there are and what they claim, of all and of each, in the language of the moment. */
function sayReports() {
  const kinds = Object.keys(texts().claimed.counts).map((kind) => [kind, claims.filter(({ says }) => says === kind).length]);
  id("reports-title").textContent = texts().claimed.many(claims.length, kinds.filter(([, count]) => count > 0).map(([kind, count]) => texts().claimed.counts[kind](count)));
  Array.from(id("which").options, (option, at) => (option.textContent = reportAt(at)));
}

/** Whether somebody's report holds what the page can show: names that it knows, where it chooses by them. The core has
 * read it as one. */
function isSound({ mode, verdict, findings, regions }) {
  const known = (list, value) => Array.isArray(list) ? list.includes(value) : Object.hasOwn(list, value);
  return (
    known(["inspect", "verify", "diff"], mode) &&
    known(ICONS, verdict.tier) &&
    findings.every(({ severity }) => known(TEXTS.en.severity, severity)) &&
    regions.every((region) => region.class === undefined || known(RANKS, region.class))
  );
}

/** Every string of somebody's report with what cannot be seen made visible. */
function shownPlain(value) {
  if (typeof value === "string") return plain(value);
  if (Array.isArray(value)) return value.map(shownPlain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [plain(name), shownPlain(inner)]));
}
