// The page in a real browser, and a way to ask its core anything.
import { readFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const pagePath = process.env.KIWAME_PAGE ?? `${root}web/dist/kiwame.html`;
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Opens the page from its file. `complaints` fills with whatever it says on the console or tries to fetch. */
export async function open(options = {}, page = pagePath) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const tab = await context.newPage();
  const complaints = [];
  tab.on("console", (message) => complaints.push(`console: ${message.text()}`));
  tab.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("file:") && !url.startsWith("blob:")) complaints.push(`request: ${url}`);
  });
  await tab.goto(pathToFileURL(page).href);
  return { browser, context, tab, complaints };
}

/** Answers one request in the page's core; `sources` are paths of files. */
export async function run(tab, request, sources) {
  const bytes = await Promise.all(sources.map(async (source) => (await readFile(source)).toString("base64")));
  return tab.evaluate(
    async ([text, files]) => {
      const decode = (text64) => Uint8Array.from(atob(text64), (letter) => letter.charCodeAt(0));
      const response = await globalThis.kiwame.run(text, files.map(decode));
      const outputs = Object.entries(response.outputs).map(([name, output]) => [name, new TextDecoder().decode(output)]);
      return { exit: response.exit, outputs: Object.fromEntries(outputs) };
    },
    [request, bytes],
  );
}
