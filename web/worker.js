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
    const sources = [];
    for (const [source, file] of data.sources.entries()) {
      try {
        sources.push(await open(file));
      } catch {
        return void self.postMessage({ unread: "moved", source });
      }
    }
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
    const source = data.sources.findIndex((file, index) => identity(file) !== begun[index]);
    self.postMessage(source < 0 ? { response } : { unread: "changed", source });
  } catch (error) {
    self.postMessage({ failure: String(error?.message ?? error) });
  }
};

// Small files are read once; large ones stay where they are and are read where the core asks.
const IN_MEMORY = 256 * 1024 * 1024;

async function open(source) {
  return source instanceof Uint8Array || source.size > IN_MEMORY ? source : new Uint8Array(await source.arrayBuffer());
}

function identity(source) {
  return source instanceof Uint8Array ? "" : `${source.size} ${source.lastModified}`;
}
