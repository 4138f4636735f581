// Appended to the glue code of the shell. One request at a time; the page ends this worker to cancel.
"use strict";

let core;

self.onmessage = async ({ data }) => {
  try {
    if (data.shell) {
      wasm_bindgen.initSync({ module: data.shell });
      core = new wasm_bindgen.Core(data.core, data.digest);
      self.postMessage({ ready: true });
      return;
    }
    const sources = await Promise.all(data.sources.map(open));
    const begun = data.sources.map(identity);
    let told = 0;
    const progress = (done, total) => {
      const now = performance.now();
      if (now - told > 100) {
        told = now;
        self.postMessage({ done, total });
      }
    };
    const response = core.run(data.request, sources, progress);
    data.sources.forEach((source, index) => {
      if (identity(source) !== begun[index]) throw new Error(`${source.name}: changed while it was read`);
    });
    self.postMessage({ response });
  } catch (error) {
    self.postMessage({ failure: String(error?.message ?? error) });
  }
};

// Small files are read once; large ones stay where they are and are read where the core asks.
const IN_MEMORY = 256 * 1024 * 1024;

async function open(source) {
  if (source instanceof Uint8Array || source.size > IN_MEMORY) return source;
  try {
    return new Uint8Array(await source.arrayBuffer());
  } catch {
    throw new Error(`${source.name}: cannot be read, or changed after it was chosen`);
  }
}

function identity(source) {
  return source instanceof Uint8Array ? "" : `${source.size} ${source.lastModified}`;
}
