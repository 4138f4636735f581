// The core in a worker, and how it is asked.

const ABI = 1;

const inert = (name) => Uint8Array.from(atob(id(name).textContent), (letter) => letter.charCodeAt(0));
const unzip = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};
const digest = () => id("core-digest").textContent;

/** A worker with the core in it, its digest checked. */
async function startWorker() {
  const script = URL.createObjectURL(new Blob([inert("worker")], { type: "text/javascript" }));
  const started = new Worker(script);
  URL.revokeObjectURL(script);
  const [core, shell] = await Promise.all([unzip(inert("core")), unzip(inert("shell"))]);
  await exchange(started, { core, shell, digest: digest() });
  return started;
}

/** Sends something to a worker and waits for the answer. */
function exchange(to, data, progress = () => {}) {
  return new Promise((resolve, reject) => {
    to.stop = () => reject(new Cancelled());
    to.onerror = (event) => reject(new Error(event.message || "worker"));
    to.onmessage = ({ data: got }) => {
      if (got.unread !== undefined) reject(new Unread(got.unread, got.source));
      else if (got.failure !== undefined) reject(new Error(got.failure));
      else if (got.total !== undefined) progress(got.done, got.total);
      else resolve(got);
    };
    to.postMessage(data);
  });
}

class Cancelled extends Error {}

/** A file that can no longer be read, or that is not what it was: the number of the source. */
class Unread extends Error {
  constructor(why, source) {
    super(why);
    Object.assign(this, { why, source });
  }
}

/** The worker answers one at a time: a question waits for the one before it. */
let turn = Promise.resolve();
/** How often somebody has cancelled. */
let stops = 0;

function inTurn(data, progress) {
  const begun = stops;
  const mine = turn.then(async () => {
    worker ??= await startWorker();
    // It may have been cancelled while it waited, when there was no worker to end.
    if (begun !== stops) throw new Cancelled();
    return exchange(worker, data, progress);
  });
  turn = mine.catch(() => {});
  return mine;
}

/** Answers one request. `sources` are `{ role, name, data }`, with `data` a file or bytes. */
async function ask(verb, sources, extra = {}, progress = () => {}) {
  const described = sources.map(({ role, name, data }) => ({ role, name, size: data.size ?? data.length }));
  const request = { abi: ABI, verb, sources: described, coreSha256: digest(), lang, ...extra };
  const data = { request: JSON.stringify(request), sources: sources.map((source) => source.data) };
  const { response } = await inTurn(data, progress);
  return response;
}

/** For tests: any request, as its exact text. */
globalThis.kiwame = {
  async run(request, sources) {
    return (await inTurn({ request, sources })).response;
  },
};
