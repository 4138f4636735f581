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
  await message(started, { core, shell, digest: digest() });
  return started;
}

/** Sends something to a worker and waits for the answer. */
function message(to, data, progress = () => {}) {
  return new Promise((resolve, reject) => {
    to.stop = () => reject(new Cancelled());
    to.onerror = (event) => reject(new Error(event.message || "worker"));
    to.onmessage = ({ data: got }) => {
      if (got.failure !== undefined) reject(new Error(got.failure));
      else if (got.total !== undefined) progress(got.done, got.total);
      else resolve(got);
    };
    to.postMessage(data);
  });
}

class Cancelled extends Error {}

/** Answers one request. `sources` are `{ role, name, data }`, with `data` a file or bytes. */
async function ask(verb, sources, extra = {}, progress = () => {}) {
  worker ??= await startWorker();
  const described = sources.map(({ role, name, data }) => ({ role, name, size: data.size ?? data.length }));
  const request = { abi: ABI, verb, sources: described, coreSha256: digest(), lang, ...extra };
  const data = { request: JSON.stringify(request), sources: sources.map((source) => source.data) };
  const { response } = await message(worker, data, progress);
  return response;
}

/** For tests: any request, as its exact text. */
globalThis.kiwame = {
  async run(request, sources) {
    worker ??= await startWorker();
    return (await message(worker, { request, sources })).response;
  },
};
