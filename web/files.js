// How an entry of a file system reads: its mode as `ls` writes it, its owner, what it holds, where it leads.

/** The first letter of a mode, by the kind of the region. */
const ENTRY_LETTERS = {
  file: "-",
  directory: "d",
  "symbolic-link": "l",
  "block-device": "b",
  "character-device": "c",
  whiteout: "c",
  fifo: "p",
  socket: "s",
};

const ENTRY_SEGMENTS = new Set(["dir", "file", "link", "device", "whiteout", "fifo", "socket"]);

/** What a kind of region is called in the language of the page. One that nobody has translated keeps its own word. */
function kindWord(kind) {
  if (lang !== "ja") return kind;
  const { whole, part } = KINDS_IN_JAPANESE;
  if (Object.hasOwn(whole, kind)) return whole[kind];
  for (let at = kind.indexOf("-"); at > 0; at = kind.indexOf("-", at + 1)) {
    const [format, rest] = [kind.slice(0, at), kind.slice(at + 1)];
    if (!Object.hasOwn(part, rest)) continue;
    const name = Object.hasOwn(whole, format) ? `${whole[format]}の` : `${format} `;
    return name + part[rest];
  }
  return kind;
}

const isEntry = (region) => Object.hasOwn(ENTRY_LETTERS, region.kind);

/** `-rwsr-xr-x` for `4755`; nothing for what is no mode. */
function modeText(kind, octal) {
  if (!Object.hasOwn(ENTRY_LETTERS, kind) || !/^[0-7]{1,4}$/.test(octal)) return "";
  const mode = parseInt(octal, 8);
  const three = (bits, special, letter) => {
    const last = special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + last;
  };
  return (
    ENTRY_LETTERS[kind] + three(mode >> 6, mode & 0o4000, "s") + three(mode >> 3, mode & 0o2000, "s") + three(mode, mode & 0o1000, "t")
  );
}

/** What a row says of an entry; nothing for a row that is none. */
function entryOf(node) {
  const region = node.parts.find((part) => isEntry(part) && part.attributes.mode !== undefined);
  if (!region) return null;
  const facts = region.attributes;
  const xattrs = String(facts.xattrs ?? "none");
  const marks = [];
  if (region.kind === "file" && /^[4-7]...$/.test(facts.mode)) marks.push("setuid");
  if (region.kind === "file" && /^[2367]...$/.test(facts.mode)) marks.push("setgid");
  if (/(^| )security\.capability=/.test(xattrs)) marks.push("capability");
  else if (xattrs !== "none") marks.push("xattrs");
  return {
    mode: modeText(region.kind, facts.mode),
    owner: `${facts.uid ?? "?"}:${facts.gid ?? "?"}`,
    target: facts.target,
    device: region.kind === "whiteout" ? undefined : facts.device,
    same: facts["hard-link"],
    marks,
  };
}

/** How many bytes a row stands for: of a file what it holds, where that was opened. */
function bytesOf(node) {
  const [region] = node.parts;
  if (!isEntry(region)) return region.length;
  if (region.kind === "directory") return undefined;
  return node.parts.findLast((part) => part.space !== region.space)?.length;
}

/** `line:%3A%3Arespawn` as its segment and its key. */
function keyOf(region) {
  const step = stepOf(region.path);
  const at = step.indexOf(":");
  return at < 0 ? { segment: step, key: step } : { segment: step.slice(0, at), key: step.slice(at + 1) };
}

/** A key as people read it. Only what the core would show as it is, printable ASCII, is decoded. */
const readable = (key, kept = /[%\\<>&\x7f]/) =>
  key.replace(/%([2-7][0-9A-F])/g, (code, digits) => {
    const letter = String.fromCharCode(parseInt(digits, 16));
    return kept.test(letter) ? code : letter;
  });

/** The same for the name of a file, in which a slash stays what it is: part of an odd name. */
const readableName = (key) => readable(key, /[%\\<>&\x7f/]/);

/** The name of a row: of an entry its own, without the directories that the rows above it show. */
function nameOf(node) {
  const full = fullName(node);
  const { key } = keyOf(node.region);
  if (full === undefined) return readable(key);
  const above = node.parent?.region ? fullName(node.parent) : undefined;
  // In a manifest a part without a name has that of the region around it.
  if (full === above && !isEntry(node.region)) return readable(key);
  const around = above?.startsWith("/") ? `${above.replace(/\/$/, "")}/` : undefined;
  if (around && full.startsWith(around) && full.length > around.length) return full.slice(around.length).replace(/(?<=.)\/$/, "");
  // A long path is cut by the core, and then no longer begins as the one above it.
  return isEntry(node.region) ? readableName(key) : full;
}

const fullName = ({ parts }) => (parts.find((part) => isEntry(part) && part.name !== undefined) ?? parts.find((part) => part.name !== undefined))?.name;

/** Where a finding lies, as people say it: `partition rootfs › squashfs files › /etc/inittab › line ::respawn:…`. */
function placeOf({ path, args }) {
  const steps = [];
  for (const step of path.split("/")) {
    const { segment, key } = keyOf({ path: step });
    if (segment === "decoded" || step === "entry:self") continue;
    const last = steps.at(-1);
    if (!ENTRY_SEGMENTS.has(segment)) steps.push({ text: segment === key ? kindWord(segment) : `${kindWord(segment)} ${readable(key)}` });
    else if (last?.entry) last.text += `/${readableName(key)}`;
    else steps.push({ text: `/${readableName(key)}`, entry: true });
  }
  const named = steps.findLast((step) => step.entry);
  if (!named) return null;
  if (args.name?.startsWith("/")) named.text = args.name;
  return steps.map((step) => step.text).join(" › ");
}
