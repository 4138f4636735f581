//! `key show`.

use kiwame_image::Problem;

use crate::Response;
use crate::request::Run;

/// Shows a public key: fingerprint, PEM, and whether its private half is published.
pub(crate) fn show(run: &Run<'_>) -> Result<Response, Problem> {
    let key = run.key()?;
    let text = if run.json() {
        let known = key.is_known();
        let json = serde_json::json!({ "fingerprint": key.fingerprint(), "known": known, "pem": key.pem() });
        format!("{json}\n")
    } else {
        let known =
            if key.is_known() { "the private half of this key is published: it never affirms\n" } else { "" };
        format!("{}\n{known}{}", key.fingerprint(), key.pem())
    };
    Ok(Response::default().with("stdout", text))
}
