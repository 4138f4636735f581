//! The page: one HTML file that holds everything and may connect to nothing.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest as _;
use wasm_bindgen_cli_support::Bindgen;

use crate::{build_core, core_path, read, sha256, target, write};

/// The script of the page, in parts; the last one starts it.
const SCRIPTS: &[&str] = &[
    "texts.js",
    "tree.js",
    "stops.js",
    "files.js",
    "core.js",
    "kinds.js",
    "problems.js",
    "result.js",
    "text.js",
    "claims.js",
    "lot.js",
    "print.js",
    "page.js",
];

/// Builds `web/dist/kiwame.html`.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    let core = read(&core_path(root))?;
    let (glue, shell) = shell(root)?;
    let web = |name: &str| text(&root.join("web").join(name));

    let style = web("style.css")?;
    let script = SCRIPTS.iter().map(|name| web(name)).collect::<Result<String, _>>()?;
    let page = web("page.html")?;
    let parts = [
        ("{{csp}}", policy(&script, &style)),
        ("{{style}}", style),
        ("{{coreSha256}}", sha256(&core)),
        ("{{version}}", env!("CARGO_PKG_VERSION").to_owned()),
        ("{{core}}", STANDARD.encode(gzip(&core)?)),
        ("{{shell}}", STANDARD.encode(gzip(&shell)?)),
        ("{{worker}}", STANDARD.encode([glue, web("worker.js")?].concat())),
        ("{{script}}", script),
    ];
    let page = parts.iter().try_fold(page, |page, (mark, part)| match page.matches(mark).count() {
        1 => Ok(page.replacen(mark, part, 1)),
        count => Err(format!("web/page.html: {mark} stands there {count} times, should be once")),
    })?;

    let place = root.join("web/dist/kiwame.html");
    write(&place, page.as_bytes())?;
    println!("{}  web/dist/kiwame.html, {} KiB", sha256(page.as_bytes()), page.len() / 1024);
    Ok(())
}

/// What the page may do, which is: run this script, look like this, and compile WebAssembly. The script may start
/// a worker from a blob, which is under the same policy. Nothing may be loaded, and nothing sent.
fn policy(script: &str, style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(sha2::Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; worker-src blob:; connect-src 'none'; \
         form-action 'none'; base-uri 'none'",
        hash(script),
        hash(style)
    )
}

/// The glue code of the shell, and the shell itself.
fn shell(root: &Path) -> Result<(String, Vec<u8>), String> {
    let directory = target(root).join("shell-build");
    build_core::build(root, &directory, "kiwame-browser", &["-Ctarget-feature=+simd128", "-Cstrip=none"])?;
    let module = directory.join(build_core::TARGET).join("core/kiwame_browser.wasm");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&module).typescript(false).remove_name_section(true).remove_producers_section(true);
    bindgen.no_modules(true).map_err(|error| error.to_string())?;
    let output = directory.join("bound");
    bindgen.generate(&output).map_err(|error| format!("{error:#}"))?;
    Ok((text(&output.join("kiwame_browser.js"))?, read(&output.join("kiwame_browser_bg.wasm"))?))
}

/// Without a time in the header: the same bytes for the same input.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| error.to_string())
}

fn text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
