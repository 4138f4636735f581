// What cannot be done, in the words of the page. The core speaks of the arguments of a command, in English; here are
// fields, lists and buttons. A problem says what is wrong, what to do on this page, and which control that is.

/** What the core says of a source or of an argument. The words for each stand in the texts, under its name. */
const CORE_SAYS = [
  ["expectation", /^found "(.*)", expected VENDOR\/MODEL/, "expect"],
  ["empty", /^the file is empty$/],
  ["tooLarge", /found (\d+)(?: bytes)?, at most (\d+) are accepted$/],
  ["changed", /^cannot read \d+ bytes at offset /],
  ["notAKey", /^not an Ed25519 public key/],
  ["unsafeKey", /^the key (?:is not in canonical encoding|is of low order|has a torsion component)/],
  ["sharedKey", /^key (\S+) belongs to two principals$/],
  ["knownKey", /^key (\S+) is a published test key/],
  ["revokedKey", /^key (\S+) is revoked$/],
  ["revokedManifest", /^the manifest with payload (\S+) is revoked$/],
  ["otherProduct", /^the manifest is for (.*), expected (.*)$/, "expect"],
  ["noRule", /^no rule of the policy speaks of (.*)$/],
  ["twoRules", /^two rules of the policy speak of (.*)$/],
  ["threshold", /^signed by (\d+) of (\d+) required principals/],
  ["expired", /^(\S+): (\S+), compared with (\d+) s$/],
  ["rollback", /^security version (\d+) is below the policy's floor (\d+)$/],
  ["schema", /^schemaVersion: found "?([^"]*)"?, expected "?([^"]*)"?$/],
  ["type", /^\w+: found "(.*)", expected "(.*)"$/],
  ["place", /^(?:line|TOML parse error at line) (\d+), column (\d+)(?:: (.*))?/],
  ["place", /^(.*) at line (\d+) column (\d+)$/, undefined, ([what, line, column]) => [line, column, what]],
  ["field", /^(.+?): found (.*), expected (.*)$/],
];

/** The core's words about something, as the page says them; what it has no words for stays as it is. `on` is the role of
 * the file, for a next step that depends on it. */
function inPageWords(what, on) {
  for (const [name, pattern, control, order = (groups) => groups] of CORE_SAYS) {
    const found = pattern.exec(what);
    if (!found) continue;
    const [says, next] = texts().core[name];
    const todo = typeof next === "object" ? (next[on] ?? next.other) : next;
    return { what: says(...order(found.slice(1))), next: todo ?? mending(on), control };
  }
  return { what, next: mending(on) };
}

/** What to do about a file that cannot be read as what it is used for. */
const mending = (role) => texts().wrongFile[role] ?? texts().core.unknown;

/** A run that gave no report: which file or argument the core names, and what it says of it. */
function problemOf({ exit, outputs }, sources) {
  const lines = decode(outputs.stderr).replace(/^kiwame: /, "").trimEnd().split("\n");
  // The last line is what to do with a command; those before it are set in.
  const said = lines.slice(0, -1).map((line) => line.replace(/^ {8}/, ""));
  const detail = said.join("\n");
  const known = outputs.problem && JSON.parse(decode(outputs.problem));
  const { source, start } = known ? { source: sources.find(({ name }) => name === known.file) } : sourceIn(said[0] ?? "", sources);
  const what = known?.message ?? detail.slice(start);
  return () => {
    const problem = inPageWords(what, source?.role);
    const about = source ? `${plain(source.name)}: ` : "";
    const control = problem.control ?? (known?.id === "option/expect" ? "expect" : source && "list");
    return { ...problem, what: about + problem.what, control, detail, exit, file: source?.data };
  };
}

/** The source whose name a line of the core's begins with, and where the rest of it begins. The core escapes names, so
 * only what it leaves as it is is compared. */
function sourceIn(line, sources) {
  const bare = (name) => name.replace(/\\u\{[0-9a-f]+\}/g, "").replace(/[^\p{L}\p{N} ._-]/gu, "");
  for (let at = line.indexOf(": "); at >= 0; at = line.indexOf(": ", at + 1)) {
    const source = sources.find(({ name }) => bare(name) === bare(line.slice(0, at)));
    if (source) return { source, start: at + 2 };
  }
  return { start: line.indexOf(": ") + 2 };
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
  if (manifests.length === 0) return say("manifest", "choose");
  return keys.length > 0 && !expect ? say("expect", "expect") : undefined;
}

/** Next steps of findings that speak of a command, by the finding. */
const OF_A_COMMAND = new Set(["limit/hit", "manifest/another-channel", "manifest/another-hardware", "manifest/required-image-absent"]);

/** The words of the core for a report, where they are those of a command or are English in every language. */
function wordsOf(report, words) {
  const findings = report.findings.map(({ id: kind, args }, index) => {
    const said = words.findings[index];
    if (OF_A_COMMAND.has(kind)) return { ...said, remedy: texts().remedies[kind] };
    if ((kind !== "trust/not-verified" && kind !== "trust/unsuitable") || args.why === undefined) return said;
    const { what, next } = inPageWords(args.why, "manifest");
    return { ...said, message: `${args.file}: ${what}`, remedy: next };
  });
  const notSeen = report.notSeen.map((code, index) => texts().unseen[code] ?? words.notSeen[index]);
  return { ...words, findings, notSeen };
}
