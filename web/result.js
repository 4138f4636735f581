// An answer of the core on the page: verdict, facts, findings, account, maps and regions.

const CLASSES = ["matched", "differs", "mutable", "remains", "fill", "unread", "parsed", "unexplained"];
/** From what needs no look to what does. */
const RANKS = ["fill", "matched", "opened", "mutable", "remains", "unread", "parsed", "unexplained", "differs"];
const ICONS = { affirming: "✓", warning: "!", contraindicated: "✗", none: "?" };
const FINDINGS_AT_FIRST = 50;
/** The exit code of what a person must look at. */
const HELD = 7;

function showAnswer() {
  const { report } = answer;
  answer.shown = Math.min(report.findings.length, FINDINGS_AT_FIRST);
  id("findings").replaceChildren();
  // A report for filing may list nothing but what needs a look: then a map of it would be one of holes.
  const whole = report.listed !== "differing";
  id("maps").hidden = !whole;
  id("listed").hidden = whole;
  showMap();
  id("tree").classList.toggle("no-entries", !report.regions.some(isEntry));
  grid.show(findingsInto(treeOf(report.regions), report.findings));
  hideDetails();
  sayAnswer();
  id("result").hidden = false;
  id("skip").hidden = false;
  id("skip").hash = answer.place === undefined ? "verdict-title" : "reports-title";
}

/** All words of it, in the language of the moment; what is open stays open. */
function sayAnswer() {
  const { report, claimed } = answer;
  const unconfirmed = unconfirmedOf(answer);
  const words = wordsOf(report, answer.words);
  // RULES 18: what came with the image cannot vouch for it, nor against it, until somebody has compared it.
  const held = unconfirmed !== null;
  const tier = held && report.verdict.tier === "affirming" ? "warning" : report.verdict.tier;
  const title = id("verdict-title");
  const says = firstLine(report, words, tier);
  // What somebody's file says is no verdict of this page, and looks like none.
  title.className = `verdict ${claimed ? "claimed" : tier}`;
  const icon = make("span", ICONS[tier], "icon");
  icon.ariaHidden = "true";
  title.replaceChildren(...(claimed ? [] : [icon]), make("span", claimed ? texts().claimed.title(says, numberOf(answer)) : says));
  id("result").classList.toggle("claimed", claimed === true);
  id("claimed").hidden = !claimed;
  id("claimed").textContent = texts().claimed.note;
  const note = report.mode === "inspect" ? texts().inspected : report.accepted ? texts().accepted[trustIn(report)] : texts().notAccepted;
  id("verdict-note").textContent = claimed ? "" : held ? texts().anchors[unconfirmed].unconfirmed : note;
  id("about").textContent = [plain(answer.name), texts().size(report.image.size), checkedAt(timeOf(answer))].filter(Boolean).join(" · ");
  id("confirm-now").textContent = texts().goTo.confirmed;
  id("confirm-now").hidden = !held;
  id("save").disabled = held;
  id("save-why").textContent = held ? texts().anchors[unconfirmed].noSave : "";
  id("save").hidden = claimed === true;
  id("back").hidden = answer.unit === undefined;

  showFacts(held);
  showFindings(words);
  showAccount();
  id("listed").textContent = id("listed").hidden ? "" : texts().listedDiffering;
  grid.redraw();
  sayDetails();
  id("not-seen").replaceChildren(...words.notSeen.map((sentence) => make("li", sentence)));
}

/** Which of several reports it is. */
const numberOf = ({ place }) => place !== undefined && [place + 1, claims.length];

/** When it was checked, by the clock of the browser. Of a report that somebody gave that is not known. */
const timeOf = ({ asking }) => asking?.extra.now;

/** A time with the zone of this computer, and where it comes from: nobody signs it. */
function checkedAt(time) {
  if (time === undefined) return undefined;
  const date = new Date(time);
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  const ahead = -date.getTimezoneOffset();
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return texts().checkedAt(`${day} ${clock} ${ahead < 0 ? "-" : "+"}${two(ahead / 60)}:${two(ahead % 60)} (${zone})`);
}

/** The verdict in one line, with what it leaves out or what was changed. */
function firstLine(report, words, tier) {
  if (report.mode === "inspect") return texts().inspectedTitle;
  const first = report.mode !== "diff" ? texts().tiers[tier] : report.exitCode === 0 ? texts().claimed.same : texts().claimed.differ;
  if (tier === "affirming") return first + texts().exceptions(report.exceptions);
  const told = [words.reason, words.changes].filter(Boolean);
  return told.length > 0 ? first + texts().changes(told) : first;
}

function showFacts(held) {
  const { report, name, claimed } = answer;
  const names = texts().facts;
  const manifests = report.manifests.filter((manifest) => manifest.applied);
  const facts = [
    [claimed ? texts().claimed.name : names.name, plain(name)],
    [texts().whichReport, numberOf(answer) ? texts().reportOf(...numberOf(answer), claims[answer.place].serial) : undefined],
    [names.checked, checkedAt(timeOf(answer))],
    [names.size, texts().size(report.image.size)],
    [names.sha256, report.image.sha256],
    [names.format, report.image.format],
    [names.depth, texts().depth[report.depth]],
    ...Object.entries(report.expected).map(([key, value]) => [`${names.expected} (${key})`, value]),
    ...manifests.flatMap(({ product, release, signers, payloadSha256 }) => [
      [names.manifest, `${product}@${release}: ${signers.map(({ id: who, key }) => `${who === "--key" ? texts().givenKey : who} (${key})`).join(", ")}`],
      [names.payload, payloadSha256],
    ]),
    ...(report.device?.parts ?? []).map((part) => [`${names.part} ${plain(part.name)}`, partOf(part)]),
    [names.policy, report.policy.sha256],
    [names.time, report.time.value && `${report.time.value} (${report.time.source})`],
    [names.core, report.tool.coreSha256],
    // What is held back is not what the core would accept.
    [names.exit, report.mode === "inspect" && report.exitCode === 0 ? undefined : String(held && report.exitCode === 0 ? HELD : report.exitCode)],
  ];
  describe(id("facts"), facts);
}

/** A part of a device: where it lies, what is to lie there, and what came out. */
function partOf({ offset, length, holds, release, exitCode }) {
  const what = release ? `${plain(holds)}@${plain(release)}` : texts().partHolds[holds] ?? plain(holds);
  return `${texts().partResult(exitCode)} ${hex(offset)}+${hex(length)}: ${what}`;
}

function describe(list, pairs) {
  const given = pairs.filter(([, value]) => value !== undefined && value !== "");
  list.replaceChildren(...given.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
}

function showFindings(words) {
  const { report, shown: count } = answer;
  const last = Array.from(id("findings").children);
  const at = last.indexOf(findingStops.current);
  const items = report.findings.slice(0, count).map((finding, index) => {
    const { waived } = words.findings[index];
    const item = make("li", undefined, `finding ${waived ? "info" : finding.severity}`);
    const head = make("p");
    const severity = texts().severity[finding.severity] ?? finding.severity;
    head.append(make("strong", waived ? `${severity} ${texts().waived}` : severity), " ", make("code", finding.id));
    const where = placeOf(finding);
    const link = make("button", where ?? finding.path, "link");
    link.type = "button";
    link.addEventListener("click", () => revealFinding(finding, index));
    const place = make("p", undefined, "place");
    place.append(link, ` · ${hex(finding.offset)} + ${hex(finding.length)}`);
    if (where) place.append(make("br"), make("code", finding.path));
    const facts = make("dl");
    const names = texts().details;
    const { before, after } = finding.args;
    const spoken = before !== undefined || after !== undefined;
    const digest = (value) => spoken && /^[0-9a-f]{64}$/.test(value ?? "");
    const supplier = finding.supplier && [finding.supplier.name, finding.supplier.contact].filter(Boolean).join(", ");
    describe(facts, [
      [names.change, spoken ? `${before ?? texts().nothing} → ${after ?? texts().nothing}` : undefined],
      [names.expected, digest(finding.expected) ? undefined : valueText(finding, finding.expected)],
      [names.actual, digest(finding.actual) ? undefined : valueText(finding, finding.actual)],
      [names.place, finding.image && `${hex(finding.image.offset)} + ${hex(finding.image.length)}`],
      [names.supplier, supplier],
    ]);
    const reason = finding.id.startsWith("image/") && finding.parts?.length > 0 ? texts().likely : "";
    item.append(head, make("p", reason + words.findings[index].message), place, facts, ...partsOf(finding, words.findings[index].parts ?? []));
    const folded = item.querySelector("details");
    if (folded) folded.open = last[index]?.querySelector("details").open ?? folded.open;
    return item;
  });
  id("findings").replaceChildren(...items);
  id("findings-help").hidden = items.length < 2;
  findingStops.settle(items[at]);
  // What to do, once for all that ask for the same.
  const asking = report.findings.map((finding, index) => [finding, words.findings[index]]).filter(([finding, { waived }]) => finding.severity !== "info" && !waived);
  const steps = [...new Set(asking.map(([, { remedy }]) => remedy))];
  id("steps").replaceChildren(...steps.map((step) => make("li", step)));
  for (const name of ["steps-title", "to-steps"]) id(name).hidden = steps.length === 0;
  id("no-findings").hidden = report.findings.length > 0;
  const cut = report.findings.length > count;
  id("more-findings").hidden = !cut;
  id("findings-shown").textContent = cut ? texts().findingsShown(count, report.findings.length) : "";
}

/** What a finding speaks for, folded. */
function partsOf(finding, sentences) {
  if (sentences.length === 0) return [];
  const folded = make("details");
  folded.open = sentences.length <= 6;
  const list = make("ul");
  const lines = sentences.map((sentence, index) => {
    const { before, after } = finding.parts[index].args;
    const values = before === undefined && after === undefined ? "" : ` ${before ?? texts().nothing} → ${after ?? texts().nothing}`;
    return make("li", sentence + values);
  });
  list.append(...lines);
  const summary = make("summary", texts().parts(sentences.length));
  // What is folded is not on paper: the line says so.
  summary.dataset.folded = texts().printed.folded;
  folded.append(summary, list);
  return [folded];
}

/** What was expected or found; a mode as `ls` writes it, too. */
function valueText({ args }, value) {
  const mode = args.attribute === "mode" && value !== undefined ? modeText(args.kind, value) : "";
  return mode ? `${mode} ${value}` : value;
}

function showAccount() {
  const { report } = answer;
  // Shares are of what there is: erased bytes hold nothing. Cut, not rounded: 100.00 % means every byte.
  const held = CLASSES.filter((name) => name !== "fill");
  // What is missing counts, or nothing would be amiss where half of the image is gone.
  const missing = report.missing ?? 0;
  const total = held.reduce((sum, name) => sum + report.content[name], missing) || 1;
  const percent = (bytes) => (Math.floor((bytes * 10_000) / total) / 100).toFixed(2);
  const parts = held.filter((name) => report.content[name] > 0).map((name) => {
    const part = make("span", undefined, name);
    part.style.flexGrow = String(report.content[name]);
    return part;
  });
  if (missing > 0) {
    const part = make("span", undefined, "missing");
    part.style.flexGrow = String(missing);
    parts.push(part);
  }
  id("bar").replaceChildren(...parts);
  const compared = report.mode !== "inspect";
  const always = compared ? ["matched", "differs", "unexplained"] : ["unexplained"];
  const shown = CLASSES.filter((name) => report.content[name] > 0 || always.includes(name)).map((name) => [name, texts().classes[name], report.content[name]]);
  if (missing > 0) shown.splice(shown.findIndex(([name]) => name === "differs") + 1, 0, ["missing", texts().missing, missing]);
  const unjudged = report.exceptions.notJudged;
  if (unjudged > 0) shown.splice(shown.findIndex(([name]) => name === "mutable") + 1, 0, ["mutable", texts().notJudged, unjudged]);
  const rows = shown.map(([name, word, bytes]) => {
    const row = make("tr");
    const head = make("th");
    head.scope = "row";
    const swatch = make("span", undefined, `swatch ${name}`);
    swatch.ariaHidden = "true";
    head.append(swatch, word);
    row.append(head, make("td", bytes.toLocaleString(lang), "number"), make("td", name === "fill" ? "" : percent(bytes), "number"));
    return row;
  });
  id("account").tBodies[0].replaceChildren(...rows);
  const spaces = report.decoded ?? Math.max(report.spaces.length - 1, 0);
  id("account-file").textContent =
    report.depth === "whole" ? texts().wholeAccount(report.image.size) : texts().fileAccount(report.image.size, report.account.opened, spaces);
  const summary = CLASSES.filter((name) => name !== "fill" && report.content[name] > 0);
  id("map").ariaLabel = texts().mapLabel(summary.map((name) => `${texts().classes[name]} ${percent(report.content[name])} %`).join(", "));
}

/** Two maps: the file from its first byte to its last, and the content of its streams one behind the other, so that what
 * changed inside a stream is seen at its place. One column shows the worst class that any of its bytes has: a single byte
 * is not lost. */
function showMap() {
  const { report } = answer;
  const leaves = report.regions.filter((region) => region.class && region.length > 0);
  draw(id("map"), leaves.filter((leaf) => leaf.space === "image").map((leaf) => [leaf.offset, leaf]), report.image.size);
  let behind = 0;
  const starts = new Map();
  for (const { path, size } of report.spaces.slice(1)) {
    if (!starts.has(path)) starts.set(path, behind);
    behind += size;
  }
  const inside = leaves.filter((leaf) => starts.has(leaf.space)).map((leaf) => [starts.get(leaf.space) + leaf.offset, leaf]);
  id("inner").hidden = inside.length === 0;
  draw(id("map-inside"), inside, behind);
}

function draw(canvas, leaves, size) {
  const columns = new Uint8Array(canvas.width);
  const scale = canvas.width / Math.max(size, 1);
  for (const [offset, leaf] of leaves) {
    const rank = RANKS.indexOf(leaf.class) + 1;
    const last = Math.min(canvas.width - 1, Math.ceil((offset + leaf.length) * scale) - 1);
    for (let at = Math.floor(offset * scale); at <= last; at += 1) columns[at] = Math.max(columns[at], rank);
  }
  const style = getComputedStyle(document.documentElement);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  columns.forEach((rank, at) => {
    if (rank === 0) return;
    context.fillStyle = style.getPropertyValue(`--${RANKS[rank - 1]}`);
    // The height tells the classes apart where colours do not.
    const height = (canvas.height * (rank + 1)) / (RANKS.length + 1);
    context.fillRect(at, canvas.height - height, 1, height);
  });
}

const hex = (number) => `0x${number.toString(16)}`;

/** Findings hang on the rows they speak of; a row above says that there are some inside. */
function findingsInto(root, findings) {
  for (const finding of findings) {
    if (finding.severity === "info" || finding.path === "image") continue;
    let node = nodeAt(root, finding);
    if (node?.parts.some((part) => part.path === finding.path)) {
      node.found = (node.found ?? 0) + 1;
      node = node.parent;
    }
    for (; node?.region; node = node.parent) node.within = (node.within ?? 0) + 1;
  }
  return root;
}

function cells(row, node) {
  const { region } = node;
  const entry = entryOf(node);
  const words = texts().entry;
  const name = make("td", undefined, "name");
  const twist = make("span", node.children.length > 0 ? "▸" : "", "twist");
  twist.ariaHidden = "true";
  name.append(twist, ...nameAndKind(node));
  const say = (text, className) => name.append(" ", make("span", text, className));
  if (entry?.target !== undefined) say(`→ ${entry.target}`, "target");
  if (entry?.device !== undefined) say(entry.device, "target");
  if (entry?.same !== undefined) say(words.same(entry.same), "target");
  if (region.kind === "whiteout") say(words.whiteout, "mark");
  for (const mark of entry?.marks ?? []) say(words[mark], "mark");
  if (node.found) say(texts().found(node.found), "mark found");
  if (node.within) say(texts().within(node.within), "mark found");

  const bytes = bytesOf(node);
  const cell = (text, className, label) => {
    const made = make("td", text, className);
    // Where there is no room for columns, a number says what it counts.
    if (text !== "" && label) made.dataset.head = label;
    return made;
  };
  row.append(
    name,
    classCell(node),
    cell(entry?.mode ?? "", "code entry"),
    cell(entry?.owner ?? "", "code entry"),
    cell(bytes === undefined ? "" : bytes.toLocaleString(lang), "number", texts().bytes),
    cell(isEntry(region) || region.implied ? "" : hex(region.offset), "number", texts().offset),
  );
}

/** A number alone is no name: then the kind comes first. */
function nameAndKind(node) {
  const name = nameOf(node);
  const { kind } = node.region;
  if (/^\d+$/.test(name) && !isEntry(node.region)) return [kindPart(kind), " ", make("span", name, "kind")];
  return name === kindWord(kind) ? [make("span", name)] : [make("span", name), " ", kindPart(kind, "kind")];
}

/** The kind of a row. The word by which specifications and reports call it stands in its title, and on paper behind it. */
function kindPart(kind, className) {
  const word = kindWord(kind);
  const part = make("span", word, className);
  if (word !== kind) part.title = kind;
  return part;
}

/** The class of a row; of one with others below it the worst of them, and whether it is only in part so. */
function classCell(node) {
  const cell = make("td", undefined, "class");
  if (node.classes === 0) return cell;
  const worst = WORSE[31 - Math.clz32(node.classes)];
  const mixed = (node.classes & (node.classes - 1)) !== 0;
  const swatch = make("span", undefined, `swatch ${worst}`);
  swatch.ariaHidden = "true";
  const word = texts().classes[worst];
  cell.append(swatch, mixed ? texts().inPart(word) : word);
  return cell;
}

/** Everything about a row: each region that it shows, the first one first. It stands right below the rows, and both are on the
 * screen. */
function showDetails(node, row) {
  const place = id("chosen");
  place.node = node;
  place.finding = undefined;
  id("to-finding").hidden = true;
  place.hidden = false;
  sayDetails();
  offerText(node);
  place.scrollTop = 0;
  id("regions").scrollIntoView({ block: "nearest" });
  row.scrollIntoView({ block: "nearest" });
  announce(texts().chosen(id("chosen-title").textContent));
}

/** The same in the language of the moment. */
function sayDetails() {
  const { node } = id("chosen");
  if (!node) return;
  id("chosen-title").textContent = texts().detailsOf(fullName(node) ?? nameOf(node));
  const lists = node.parts.map((part) => {
    const list = make("dl");
    describe(list, detailsOf(part));
    return list;
  });
  id("details").replaceChildren(...lists);
  sayText();
}

function hideDetails() {
  id("chosen").node = undefined;
  id("chosen").hidden = true;
  id("text").says = undefined;
  for (const name of ["details", "text"]) id(name).replaceChildren();
}

/** Goes to the row of a finding; from its details there is a way back. */
function revealFinding(finding, index) {
  grid.reveal(nodeAt(grid.root, finding));
  if (id("chosen").hidden) return;
  id("chosen").finding = index;
  id("to-finding").hidden = false;
}

function detailsOf(region) {
  const names = texts().details;
  if (region.implied) return [[names.path, region.path]];
  const kinds = isEntry(region) ? texts().entry.facts : {};
  return [
    [names.path, region.path],
    [names.kind, kindWord(region.kind) === region.kind ? region.kind : `${kindWord(region.kind)} (${region.kind})`],
    [names.name, region.name],
    [names.guid, region.guid],
    [names.space, region.space],
    ...(isEntry(region)
      ? [[texts().entry.line, `${hex(region.offset)} + ${hex(region.length)}`]]
      : [[texts().offset, hex(region.offset)], [texts().length, `${hex(region.length)} (${texts().size(region.length)})`]]),
    [texts().class, texts().classes[region.class]],
    [names.sha256, region.sha256],
    [names.basis, region.basis],
    ...Object.entries(region.attributes).map(([name, fact]) => [Object.hasOwn(kinds, name) ? kinds[name] : plain(name), factText(region, name, fact)]),
  ];
}

function factText(region, name, fact) {
  if (typeof fact !== "string" && typeof fact !== "number") return JSON.stringify(fact);
  if (!isEntry(region)) return String(fact);
  if (name === "mode") return `${modeText(region.kind, fact)} ${fact}`.trim();
  // Far outside the years that a date can have it stays a number.
  if (name === "modified" && Number.isSafeInteger(fact) && fact < 1e11) return `${new Date(fact * 1000).toISOString().slice(0, 19)}Z`;
  return String(fact);
}

function save() {
  answer.saved = true;
  saveAs(`${answer.name}.report.json`, "application/json", [answer.bytes]);
}

function saveAs(name, type, parts) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
