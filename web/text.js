// What a small file or a setting says, for whoever asks. What lies in the image is read from the file; what lies in
// something decoded, the core takes out again. Where a digest of it is known, it is shown only when it has that.

/** So much of a region can be read at most, as the core has it. */
const TEXT_AT_MOST = 65_536;

/** The part of a row that holds bytes to be read: of a file what it holds, of other rows what they decode to, or themselves. */
function contentOf(node) {
  const [first] = node.parts;
  const inner = node.parts.findLast((part) => !part.implied && !isEntry(part) && part.space !== first.space);
  const part = inner ?? (isEntry(first) || first.implied ? undefined : first);
  return part?.length > 0 && part.length <= TEXT_AT_MOST ? part : undefined;
}

/** Offers to show what a row says. What lies in the file itself is looked at first: not every row is a text. */
async function offerText(node) {
  const place = id("text");
  place.replaceChildren();
  place.node = node;
  place.says = undefined;
  const [told, part] = [answer, contentOf(node)];
  if (!part || !told.asking) return;
  if (part.space === "image" && (await contentIn(told, part).then(textIn, () => undefined)) === undefined) return;
  if (answer !== told || place.node !== node) return;
  const button = make("button", "", "on-screen");
  button.type = "button";
  button.addEventListener("click", () => showText(node, part));
  place.append(button);
  say(() => (button.textContent = texts().text.show));
}

/** Says what stands there, now and in every other language that is chosen meanwhile; the text itself is in none of them. */
function say(words) {
  id("text").says = words;
  words();
}

const sayText = () => id("text").says?.();

async function showText(node, part) {
  const [place, told] = [id("text"), answer];
  // Whoever goes on meanwhile stays where he went.
  const reading = make("p", "", "reading");
  reading.tabIndex = -1;
  // Tab leads to the text: until it is there nothing stands behind this line, and the focus would leave the page.
  reading.addEventListener("keydown", (event) => event.key === "Tab" && !event.shiftKey && event.preventDefault());
  place.replaceChildren(reading);
  say(() => (reading.textContent = texts().text.reading));
  reading.focus();
  let shown;
  try {
    const text = textIn(await contentIn(told, part));
    shown = text === undefined ? sentence(() => texts().text.none) : textParts(fullName(node) ?? nameOf(node), text);
  } catch (error) {
    shown = sentence(() => (error instanceof Unread ? `${plain(told.name)}: ${texts().unread[error.why]}.` : texts().text.gone));
  }
  if (answer !== told || place.node !== node) return;
  const waits = document.activeElement === reading;
  place.replaceChildren(...shown.parts);
  say(shown.words);
  const last = place.lastElementChild;
  last.tabIndex = last.tagName === "PRE" ? 0 : -1;
  if (waits) last.focus();
}

/** What is shown instead of a text: its parts, and what says their words. */
function sentence(words) {
  const line = make("p");
  return { parts: [line], words: () => (line.textContent = words()) };
}

function textParts(name, { text, zeros }) {
  const [title, note, body] = [make("h4"), make("p"), make("pre", visible(text))];
  body.role = "region";
  const words = () => {
    title.textContent = texts().text.title(name);
    body.ariaLabel = texts().text.title(name);
    note.textContent = texts().text.zeros(zeros);
  };
  return { parts: zeros > 0 ? [title, note, body] : [title, body], words };
}

/** The bytes of a region; an error when they are not there, or are others than those that were measured. */
async function contentIn({ asking }, { space, offset, length, sha256 }) {
  const bytes = space === "image" ? await fromFile(asking.sources[0].data, offset, length) : await fromCore(asking, { space, offset, length });
  if (sha256 !== undefined && hexOf(await crypto.subtle.digest("SHA-256", bytes)) !== sha256) throw new Unread("changed", 0);
  return bytes;
}

async function fromFile(file, offset, length) {
  const read = file.slice(offset, offset + length).arrayBuffer();
  const bytes = new Uint8Array(await read.catch(() => { throw new Unread("moved", 0); }));
  if (bytes.length !== length) throw new Unread("changed", 0);
  return bytes;
}

/** What was compared by its whole digest alone is taken apart for this. */
async function fromCore({ verb, sources, extra }, excerpt) {
  const deep = verb === "verify" ? { deep: true, regions: false } : {};
  const { outputs } = await ask(verb, sources, { ...extra, ...deep, report: false, excerpt });
  if (!outputs.excerpt) throw new Error("excerpt");
  return outputs.excerpt;
}

/** Bytes as a text with the number of zeros behind it; nothing when they are none. */
function textIn(bytes) {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
    return text === "" || /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : { text, zeros: bytes.length - end };
  } catch {
    return undefined;
  }
}

/** A text of which only the ends of lines and tabs are not letters: whatever else cannot be seen is made visible. */
const visible = (text) => text.replace(/[^\n\t]+/g, plain);
