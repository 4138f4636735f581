// What a file is, by its first bytes: people have more on their disks than images. What is no image is called what it
// is, and is used as one only when the user says so.

/** So much of a file is looked at: a private key stands within it, behind whatever a tool wrote in front. */
const HEAD = 65_536;

const bytesAt = (at, ...wanted) => ({ bytes }) => wanted.every((byte, index) => bytes[at + index] === byte);
const lettersAt = (at, word) => bytesAt(at, ...Array.from(word, (letter) => letter.charCodeAt(0)));
const says = (...patterns) => ({ text }) => text !== undefined && patterns.every((pattern) => pattern.test(text));
const named = (pattern) => ({ name }) => pattern.test(name);
const both = (...tests) => (head) => tests.every((test) => test(head));
const either = (...tests) => (head) => tests.some((test) => test(head));

/** TOML, not some text in which there is TOML: what stands first, behind comments, is a field or a table. */
const isToml = says(/^(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*(?:[\w."'-]+[ \t]*=|\[\[?[^\]\n]+\]\]?[ \t]*(?:#[^\n]*)?(?:\r?\n|$))/);
/** Files that people read. */
const FOR_READING = either(named(/\.(?:md|markdown|txt|text|rst|adoc|asciidoc|rtf|log|csv|tsv|ya?ml)$/i), named(/^(?:readme|license|licence|copying|copyright|notice|changelog|changes|authors)(?:[.-][\w-]+)?$/i));

/** Each kind with what it is used for and how it is told, the first that fits. `aside` is: for nothing. */
const KINDS = [
  ["privateKey", "aside", either(
    says(/^[ \t]*-{4,5} ?BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}/m),
    says(/^\s*[{[]/, /"kty"\s*:/, /"(?:d|k)"\s*:\s*"/),
    says(/^PuTTY-User-Key-File-/),
    says(/^untrusted comment: .*\bsecret key\b/),
    // PKCS #8 in DER, of Ed25519.
    bytesAt(0, 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70),
  )],
  ["report", "report", says(/^\s*\{\s*"accepted"\s*:\s*(?:true|false)\s*,\s*"account"\s*:/)],
  ["lotTable", "aside", says(/^\s*\{/, /"mode"\s*:\s*"lot"/)],
  ["record", "aside", says(/^\s*\{\s*"runRecord"\s*:/)],
  ["manifest", "manifest", says(/^\s*\{/, /"payload/)],
  ["key", "key", either(says(/^\s*-----BEGIN PUBLIC KEY-----/), both(says(/-----BEGIN PUBLIC KEY-----/), (head) => !FOR_READING(head)), says(/^\s*ed25519:/))],
  ["policy", "policy", both(isToml, either(says(/^\s*schema\s*=\s*"kiwame-policy\//m), both(named(/\.toml$/i), says(/^\s*\[\[(?:rule|principal)\]\]/m))))],
  ["description", "aside", both(isToml, says(/^\s*schema\s*=\s*"kiwame-firmware\//m))],
  ["checksums", "aside", says(/^(?:[0-9a-f]{64}|[0-9a-f]{128}|[0-9a-f]{40}|[0-9a-f]{32}) [ *]\S/)],
  ["reading", "aside", both(FOR_READING, says(/^/))],
  ["certificate", "aside", says(/^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/m)],
  ["otherKey", "aside", either(says(/^(?:ssh|ecdsa|sk)-[\w@.-]+ AAAA/), says(/^\s*[{[]/, /"kty"\s*:/), says(/^-----BEGIN (?:[A-Z0-9]+ )*PUBLIC KEY(?: BLOCK)?-----/m))],
  ["signature", "aside", says(/^-----BEGIN (?:PGP|SSH) SIGNATURE-----/m)],
  ["json", "aside", says(/^\s*(?:\{\s*"|\[\s*\{)/)],
  ["html", "aside", says(/^\s*<(?:!doctype html|html)[\s>]/i)],
  ["svg", "aside", says(/^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/)],
  ["pdf", "aside", lettersAt(0, "%PDF-")],
  ["png", "aside", bytesAt(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
  ["jpeg", "aside", bytesAt(0, 0xff, 0xd8, 0xff)],
  ["gif", "aside", either(lettersAt(0, "GIF87a"), lettersAt(0, "GIF89a"))],
  ["webp", "aside", (head) => lettersAt(0, "RIFF")(head) && lettersAt(8, "WEBP")(head)],
  ["zip", "aside", either(lettersAt(0, "PK\x03\x04"), lettersAt(0, "PK\x05\x06"), lettersAt(0, "PK\x07\x08"))],
  ["tar", "aside", lettersAt(257, "ustar")],
  ["gzip", "aside", bytesAt(0, 0x1f, 0x8b, 0x08)],
  ["xz", "aside", bytesAt(0, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  ["sevenZip", "aside", bytesAt(0, 0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c)],
  ["cab", "aside", lettersAt(0, "MSCF\0\0\0\0")],
  ["rar", "aside", lettersAt(0, "Rar!\x1a\x07")],
];

/** Kinds of which there is something to say beside what they are. */
const ARCHIVES = new Set(["zip", "tar", "sevenZip", "cab", "rar"]);
const STREAMS = new Set(["gzip", "xz"]);
const PICTURES = new Set(["png", "jpeg", "gif", "webp", "svg", "pdf"]);

/** What a file is and what it is for; the user may say otherwise, except of a private key. */
async function guess(file) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    return { kind: "unreadable", role: "aside" };
  }
  // A manifest may be packed; what is in it the core reads.
  if (/\.json\.(?:gz|zst)$/i.test(file.name)) return { kind: "manifest", role: "manifest" };
  const [kind, role] = KINDS.find(([, , test]) => test({ bytes, text: textOf(bytes), name: file.name })) ?? ["image", "image"];
  return { kind, role };
}

/** As text, if it is any. Some editors write 16 bits a letter. */
function textOf(bytes) {
  const wide = { 0xfffe: "utf-16le", 0xfeff: "utf-16be" }[(bytes[0] << 8) | bytes[1]];
  if (wide) return new TextDecoder(wide).decode(bytes);
  return bytes.includes(0) ? undefined : new TextDecoder().decode(bytes);
}

/** What the row of a file says beside its name; nothing where its use says it all. */
function noteOf({ kind, role, trouble }) {
  const words = texts().kinds;
  if (kind === "privateKey") return { warning: true, text: words.privateKey };
  if (kind === "unreadable") return { warning: true, text: words.unreadable };
  if (trouble) return { warning: true, text: trouble() };
  const name = words.names[kind] ?? texts().roles[kind];
  if (role === kind || kind === "image") return undefined;
  if (role === "image") return { text: words.asImage(name) };
  if (role !== "aside" || Object.hasOwn(texts().roles, kind)) return undefined;
  const group = [[ARCHIVES, "archive"], [STREAMS, "stream"], [PICTURES, "picture"]].find(([kinds]) => kinds.has(kind));
  return { text: words[group?.[1] ?? kind](name) };
}
