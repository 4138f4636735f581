// What cannot be done, in the words of the page. The core says what is wrong in both languages, with its id, and what to do
// with a command; here are fields, lists and buttons. A problem says what is wrong, what to do on this page, and which control
// that is.

/** What the page says in words of its own: the name of its texts, which of the problem's arguments stand in them, and the
 * control, by the core's id. */
const IN_PAGE_WORDS = {
  "option/expect": ["expectation", ["found"], "expect"],
  "image/empty": ["empty", []],
  "document/too-large": ["tooLarge", ["found", "limit"]],
  "file/changed": ["changed", []],
  "key/not-a-key": ["notAKey", []],
  "key/not-canonical": ["unsafeKey", []],
  "key/low-order": ["unsafeKey", []],
  "key/torsion": ["unsafeKey", []],
  "key/shared": ["sharedKey", ["key"]],
  "key/published": ["knownKey", ["key"]],
  "key/revoked": ["revokedKey", ["key"]],
  "manifest/revoked": ["revokedManifest", []],
  "manifest/other-product": ["otherProduct", ["found", "expected"], "expect"],
  "policy/no-rule": ["noRule", ["product"]],
  "policy/two-rules": ["twoRules", ["product"]],
  "signature/too-few": ["threshold", ["found", "required", "signed", "absent"]],
  "signature/broken": ["broken", ["key"]],
  "document/out-of-time": ["expired", ["field", "bound", "now"]],
  "manifest/below-floor": ["rollback", ["found", "floor"]],
  "document/type": ["type", ["found", "expected"]],
  schema: ["schema", ["found", "expected"]],
};

/** A problem of the core's as the page says it; what it has no words for is said as the core does. `on` is the role of the
 * file, and `given` what decides whom to trust, key or policy: for words that depend on them. */
function inPageWords({ id: kind, args, message }, on, given) {
  // Of a report it is the version that is another.
  const known = IN_PAGE_WORDS[args.field === "schemaVersion" ? "schema" : kind];
  if (!known) return { what: placeIn(kind, args, message) ?? message, next: mending(on) };
  const [name, names, control] = known;
  const [says, next] = texts().core[name];
  const todo = typeof next === "object" ? (next[on] ?? next[given] ?? next.other) : next;
  const what = typeof says === "object" ? says[given] : says;
  return { what: what(...names.map((arg) => args[arg])), next: todo ?? mending(on), control };
}

/** How the core begins what it says of TOML, in either language: it gives the place in this sentence alone. */
const PLACE_IN_TOML = /^TOML(?: parse error at line | として読めない\()(\d+)(?:, column | 行 )(\d+)(?: 列\))?$/;

/** From where on a document cannot be read, and what is wrong there; nothing for other problems, or where no place is told. */
function placeIn(kind, { line, column }, message) {
  // The reader of TOML says the place first, shows it, and says below it what is wrong.
  const [first, ...shown] = message.split("\n");
  const place = kind === "document/toml" && shown.length > 0 ? first.match(PLACE_IN_TOML) : null;
  if (place) return texts().core.place(place[1], place[2], shown.at(-1));
  // Of JSON the place is told by itself, and stands in front of what is said.
  if (kind === "document/json" && line && column) return texts().core.place(line, column, message.replace(/^[^:]*: ?/, ""));
  return undefined;
}

/** What to do about a file that cannot be read as what it is used for. */
const mending = (role) => texts().wrongFile[role] ?? texts().core.unknown;

/** A run that gave no report: which file or argument the core names, and what it says of it. */
function problemOf({ exit, outputs }, sources) {
  const known = JSON.parse(decode(outputs.problem));
  const source = sources.find(({ name }) => name === known.file);
  return () => {
    const problem = inPageWords({ ...known, message: known.message[lang] }, source?.role, givenNow());
    const about = source ? `${plain(source.name)}: ` : "";
    const detail = `${known.message[lang]}  [${known.id}]`;
    return { ...problem, what: about + problem.what, control: problem.control ?? (source && "list"), detail, exit, file: source?.data };
  };
}

/** What is missing before the core can be asked at all: a function that says it in the language of the moment. */
function missing(entries, expect) {
  const having = (role) => entries.filter((entry) => entry.role === role);
  const names = (list) => list.map(({ file }) => plain(file.name)).join(", ");
  const say = (name, control, file, given = () => []) => () => {
    const [what, next] = texts().lacking[name].map((words) => words(...given()));
    return { what, next, control, file };
  };
  const used = entries.filter(({ role }) => role !== "aside");
  const [reports, images, manifests, policies, keys] = ["report", "image", "manifest", "policy", "key"].map(having);

  const compared = manifests.length + policies.length + keys.length > 0;
  const makesLot = images.length > 1 && compared;
  // Of a lot it is one unit that cannot be judged, and the others can.
  const empty = used.find(({ file, role }) => file.size === 0 && !(makesLot && role === "image"));
  if (empty) return say("empty", "list", empty.file, () => [plain(empty.file.name), texts().roles[empty.role]]);
  if (reports.length > 0) return used.length > 1 ? say("reportAlone", "list", reports[0].file, () => [names(reports)]) : undefined;
  const mayBe = entries.some(({ role, kind }) => role === "aside" && kind !== "privateKey" && kind !== "unreadable");
  if (images.length === 0) return say(mayBe ? "imageAside" : "image", "choose");
  if (images.length > 1 && !compared) return say("severalImages", "choose", undefined, () => [names(images)]);
  for (const list of [policies, keys]) {
    if (list.length > 1) return say("several", "list", list[1].file, () => [texts().roles[list[0].role], names(list)]);
  }
  if (used.length === 1) return undefined;
  if (policies.length > 0 && keys.length > 0) return say("keyAndPolicy", "list", keys[0].file, () => [names(keys), names(policies)]);
  if (policies.length + keys.length === 0) return say("keyOrPolicy", "choose");
  if (manifests.length === 0) return say("manifest", "choose", undefined, () => [texts().roles[policies.length > 0 ? "policy" : "key"]]);
  return keys.length > 0 && !expect ? say("expect", "expect") : undefined;
}

/** What decided whom to trust: a policy, or a key beside what was ordered. */
const trustIn = ({ policy }) => (policy.sha256 === undefined ? "key" : "policy");

/** The next step of a finding in the words of the page, where those of the core are of a command, or of a policy where there is
 * none. */
function remedyOf(kind, given) {
  const remedy = Object.hasOwn(texts().remedies, kind) ? texts().remedies[kind] : undefined;
  return typeof remedy === "object" ? remedy[given] : remedy;
}

/** The words of the core for a report, where they are those of a command or are English in every language. */
function wordsOf(report, words) {
  const given = trustIn(report);
  const findings = report.findings.map(({ id: kind, args }, index) => {
    const said = words.findings[index];
    const remedy = remedyOf(kind, given);
    if (remedy !== undefined && !said.waived) return { ...said, remedy };
    if (kind !== "trust/not-verified" && kind !== "trust/unsuitable") return said;
    const message = (lang === "ja" && args["why-ja"]) || args.why || "";
    const { what, next } = inPageWords({ id: args["why-id"], args, message }, "manifest", given);
    return { ...said, message: `${args.file}: ${what}`, remedy: next };
  });
  const notSeen = report.notSeen.map((code, index) => texts().unseen[code] ?? words.notSeen[index]);
  return { ...words, findings, notSeen };
}
