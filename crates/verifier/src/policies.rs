//! `policy new|check|explain`.

use crate::manifests::allowed;
use kiwame_image::{Problem, Text};
use kiwame_report::{Lang, escape};
use kiwame_trust::devices::{Device, Holds, PartContent};
use kiwame_trust::policy::{Accept, Expectation, Revocation, RevocationReason, Waiver};
use kiwame_trust::{Policy, PublicKey, Rule, Time};
use serde_json::json;

use crate::request::{Run, Source};
use crate::{Response, problems};

/// What to do about a key that vetting refuses.
const REMOVE: Text = Text::new(
    "Remove the key from the policy, and ask where it came from.",
    "この鍵をポリシーから除き、入手元を確かめる。",
);

/// Reads and vets a policy. What cannot be read is usage; a key that vetting refuses is not trusted.
pub(crate) fn read(run: &Run<'_>, source: (u32, &Source)) -> Result<Policy, Problem> {
    use kiwame_trust::TrustError::{Field, NotText, Time, Toml, Type};
    let text = run.read(source)?;
    Policy::parse(&text).map_err(|error| match error {
        Toml(_) | NotText(_) | Type { .. } | Field { .. } | Time(_) => {
            error.problem().of(&source.1.name).exit(2)
        }
        _ => error.problem().of(&source.1.name).then(REMOVE),
    })
}

/// A policy to begin with: the keys, one product, and the options with what they cost.
pub(crate) fn new(run: &Run<'_>) -> Result<Response, Problem> {
    let keys = run.keys()?;
    let expect = run
        .request
        .expect
        .as_deref()
        .ok_or_else(|| Problem::new(&problems::EXPECT_MISSING).of("--expect"))?;
    let expect = Expectation::parse(expect).map_err(|error| error.problem().of("--expect"))?;
    let several = keys.len() > 1;
    let principal = |(at, key): (usize, &PublicKey)| {
        let number = at.saturating_add(1);
        let id = if several { format!("{} {number}", expect.vendor) } else { expect.vendor.clone() };
        let name = if several { "  # name whoever holds this key" } else { "" };
        format!(
            "[[principal]]\nid = {}{name}\nkeys = [\"{}\"]\nroles = [\"release\"]\n{REVOKED}\n",
            quoted(&id),
            key.fingerprint()
        )
    };
    let principals: String = keys.iter().enumerate().map(principal).collect();
    let release = match &expect.release {
        Some(release) => format!("release = {}\n", quoted(release)),
        None => "# release = \"1.0\"                # this release and no other\n".to_owned(),
    };
    let threshold = if several {
        format!(
            "threshold = {count}                    # how many of the {count} principals must have signed; fewer if fewer are enough\n",
            count = keys.len()
        )
    } else {
        "threshold = 1                    # of distinct principals; more with more [[principal]]\n".to_owned()
    };
    let text = format!(
        "schema = \"kiwame-policy/1\"\nversion = 1\n# expires = \"2030-01-01T00:00:00Z\"  # not to be used after\n{MANIFESTS}\n{principals}\
         [[rule]]\nvendor = {}\nmodel = {}\n{release}{threshold}{OPTIONS}{WAIVER}",
        quoted(&expect.vendor),
        quoted(&expect.model)
    );
    // What is handed out can be used as it is.
    Policy::parse(text.as_bytes()).map_err(|error| error.problem().of("policy"))?;
    Ok(Response::default().with("stdout", text))
}

/// A JSON string is a basic string of TOML.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

const MANIFESTS: &str =
    "# revoked-manifests = [\"...\"]    # payload digests, as `kiwame manifest show` prints them\n";
const REVOKED: &str = "# revoked = { reason = \"retired\", since = \"2026-06-01T00:00:00Z\" }   # or replaced; of a compromise no date counts\n";
/// What a rule may say, as comments.
const OPTIONS: &str = "# min-security-version = 1         # refuse older releases\n\
    # deep = true                      # take images apart even when the whole digest matches\n\
    # channel = \"beta\"                # instead of \"release\"\n\
    # hardware-revisions = [\"B2\"]     # of those that a manifest names\n\
    # accept-reencoded = [\"path\"]      # a container packed anew, its normal form being equal\n\
    # accept-unexplained = [{ path = \"path\", sha256 = [\"...\"] }]   # bytes nobody explains; or max-bytes\n\
    # accept-any = [{ path = \"path\", max-bytes = 65536 }]\n";
const WAIVER: &str = "\n# [[waiver]]                       # a difference that you live with for a time\n\
    # finding = \"component/modified\"   # its id\n\
    # path = \"path\"                    # of the component, whole\n\
    # found = \"sha256...\"              # the value found; without it a warning at best\n\
    # reason = \"why\"\n\
    # until = \"2030-01-01T00:00:00Z\"\n";

/// Reads a policy and lists what is odd about it.
pub(crate) fn check(run: &Run<'_>) -> Result<Response, Problem> {
    let policy = read(run, run.source("policy")?)?;
    // Programs read English, whoever asks.
    let lang = if run.json() { Lang::English } else { run.lang() };
    let mut notes = Vec::new();
    if policy.rules.is_empty() {
        notes.push(lang.pick("no rule: nothing is ever accepted", "規則が無く、何も受け入れない").to_owned());
    }
    policy.rules.iter().for_each(|rule| notes.extend(odd_rule(&policy, rule, lang)));
    let now = run.now()?;
    let over = |until: &str| now.zip(Time::parse(until).ok()).is_some_and(|(now, until)| now > until);
    if let Some(expires) = policy.expires.as_deref().filter(|expires| over(expires)) {
        let expires = escape(expires);
        notes.push(lang.say(
            format!("the policy ended on {expires}: it accepts nothing any more"),
            format!("ポリシーは {expires} に期限切れとなり、何も受け入れない"),
        ));
    }
    for waiver in &policy.waivers {
        notes.extend(odd(waiver, over(&waiver.until), lang));
        notes.push(format!("{}{}", lang.pick("exception: ", "例外:"), waived(waiver, lang)));
    }
    for key in policy.keys().filter(|key| key.is_known()) {
        let key = key.fingerprint();
        notes.push(lang.say(
            format!("{key}: the private half is published; it never affirms"),
            format!("{key}:秘密鍵が公開されており、一致の根拠にならない"),
        ));
    }
    let text = if run.json() {
        format!("{}\n", json!({ "notes": notes }))
    } else {
        notes.iter().map(|note| format!("{note}\n")).collect()
    };
    Ok(Response::default().with("stdout", text))
}

/// What is odd about a rule.
fn odd_rule(policy: &Policy, rule: &Rule, lang: Lang) -> Vec<String> {
    let mut notes = Vec::new();
    let product = format!("{}/{}", escape(&rule.vendor), escape(&rule.model));
    let signers = policy.principals.iter().filter(|principal| principal.roles.contains(&rule.role)).count();
    if signers < rule.threshold {
        let asked = rule.threshold;
        notes.push(lang.say(
            format!("{product}: asks for {asked} signers (principals), and {signers} have the role"),
            format!(
                "{product}:署名者(principal)を {asked} 名求めているが、役割を持つ者は {signers} 名である"
            ),
        ));
    }
    if policy.rule(&rule.vendor, &rule.model).is_err() {
        notes.push(lang.say(
            format!("{product}: two rules; neither counts"),
            format!("{product}:規則が二つ有り、どちらも無効である"),
        ));
    }
    if rule.min_security_version.is_none() {
        notes.push(lang.say(
            format!("{product}: no floor (least security version); a downgrade is not refused"),
            format!("{product}:セキュリティ版の下限が無く、旧版への巻き戻しを拒まない"),
        ));
    }
    notes
}

/// A path of the policy, with its cap or its digests.
fn terms(accept: &Accept, lang: Lang) -> String {
    let cap =
        accept.max_bytes.map(|most| lang.say(format!("up to {most} bytes"), format!("{most} バイト以下")));
    let digests = accept.sha256.iter().map(|digest| format!("sha256 {digest}"));
    let terms: Vec<_> = cap.into_iter().chain(digests).collect();
    format!("{}, {}", escape(&accept.path), terms.join(lang.pick(" or ", " または ")))
}

/// What is odd about a waiver.
fn odd(waiver: &Waiver, over: bool, lang: Lang) -> Option<String> {
    let (finding, path) = (escape(&waiver.finding), escape(&waiver.path));
    let known = kiwame_appraisal::kinds::all().any(|kind| kind.id == waiver.finding);
    // Defects carry the id of a format and of what is wrong.
    let defect = waiver.finding.split_once('/').is_some_and(|(format, what)| {
        !what.is_empty() && kiwame_formats::formats().any(|known| known.name() == format)
    });
    let until = escape(&waiver.until);
    let why = match waiver.found {
        _ if !known && !defect => lang.say(
            format!("no finding has the id {finding}: it covers nothing"),
            format!("{finding} という所見は無く、何も免除しない"),
        ),
        _ if over => lang.say(format!("it ended on {until}"), format!("{until} に期限切れ")),
        None => lang
            .pick("it names no value found: a warning at best", "検出値の記載が無いため、要確認に留まる")
            .to_owned(),
        Some(_) => return None,
    };
    Some(
        lang.say(
            format!("waiver of {finding} at {path}: {why}"),
            format!("{path} の {finding} の免除:{why}"),
        ),
    )
}

/// A waiver in words, with its reason and its end.
fn waived(waiver: &Waiver, lang: Lang) -> String {
    let (finding, path) = (escape(&waiver.finding), escape(&waiver.path));
    let (reason, until) = (escape(&waiver.reason), escape(&waiver.until));
    let value = match &waiver.found {
        Some(found) => lang.say(format!("as {}", escape(found)), format!("値 {}", escape(found))),
        None => lang.pick("whatever is found: a warning at best", "値を問わず:要確認に留まる").to_owned(),
    };
    lang.say(
        format!("{finding} at {path}, {value}; until {until}, because: {reason}"),
        format!("{path} の {finding}({value})。期限 {until}、理由:{reason}"),
    )
}

/// Says a policy in words.
pub(crate) fn explain(run: &Run<'_>) -> Result<Response, Problem> {
    let policy = read(run, run.source("policy")?)?;
    let lang = run.lang();
    let mut text = format!("{} {}\n", lang.pick("policy version", "ポリシー版"), policy.version);
    policy.rules.iter().for_each(|rule| text.push_str(&explained(&policy, rule, lang)));
    policy.devices.iter().for_each(|device| text.push_str(&arranged(device, lang)));
    for waiver in &policy.waivers {
        let head = lang.pick("EXCEPTION, waived: ", "【例外】免除:");
        text.push_str(&format!("{head}{}\n", waived(waiver, lang)));
    }
    text.push_str(lang.pick("everything else: cannot tell\n", "その他は全て判定不能とする\n"));
    Ok(Response::default().with("stdout", text))
}

/// That keys no longer count, in words.
fn revocation(revoked: &Revocation, lang: Lang) -> String {
    let why = match revoked.reason {
        RevocationReason::Compromise => lang.pick("compromise", "漏洩"),
        RevocationReason::Replaced => lang.pick("replaced", "交換"),
        RevocationReason::Retired => lang.pick("retired", "引退"),
    };
    match revoked.since.as_deref().filter(|_| revoked.reason != RevocationReason::Compromise).map(escape) {
        Some(since) => {
            lang.say(format!(", revoked from {since}: {why}"), format!("、{since} から失効:{why}"))
        }
        None => lang.say(format!(", revoked: {why}"), format!("、失効:{why}")),
    }
}

/// One rule in words.
/// What a device is made of.
pub(crate) fn arranged(device: &Device, lang: Lang) -> String {
    let sizes: Vec<_> = device.sizes.iter().map(u64::to_string).collect();
    let (name, sizes) = (escape(&device.name), sizes.join(", "));
    let mut text = lang.say(
        format!(
            "device {name}: a dump of {sizes} bytes is judged part by part; what no part takes is erased\n"
        ),
        format!(
            "装置 {name}:{sizes} バイトのダンプを部分毎に判定する。どの部分にも属さない所は消去状態とする\n"
        ),
    );
    for part in &device.parts {
        let holds = match &part.holds {
            Holds::Image(name) => {
                lang.say(format!("image {}", escape(name)), format!("イメージ {}", escape(name)))
            }
            Holds::Product { scope, image, min_security_version } => {
                let image = image.as_deref().map(|name| format!(", {}", escape(name))).unwrap_or_default();
                let floor = min_security_version.map(|floor| {
                    lang.say(
                        format!(", security version at least {floor}"),
                        format!("、セキュリティ版 {floor} 以上"),
                    )
                });
                format!("{}{image}{}", escape(scope), floor.unwrap_or_default())
            }
            Holds::Digests(digests) => {
                let count = digests.len();
                lang.say(
                    format!("bytes of {count} known digests"),
                    format!("既知のダイジェスト {count} 件のいずれか"),
                )
            }
            Holds::Content(PartContent::Erased) => lang.pick("erased", "消去状態").to_owned(),
            Holds::Content(PartContent::Any) => {
                let english = "EXCEPTION: anything that is no program; nobody judges it";
                lang.pick(english, "【例外】プログラムでない任意の内容(判定しない)").to_owned()
            }
        };
        let (name, span) = (escape(&part.name), part.span);
        text.push_str(&format!("  {:#010x}+{:#x}  {name}: {holds}\n", span.offset, span.length));
    }
    text
}

fn explained(policy: &Policy, rule: &Rule, lang: Lang) -> String {
    let release = rule.release.as_deref().map(|release| format!("@{}", escape(release))).unwrap_or_default();
    let product = format!("{}/{}{release}", escape(&rule.vendor), escape(&rule.model));
    let mut text = lang.say(
        format!("{product}: accepted when {} of these signers (principals) sign:\n", rule.threshold),
        format!("{product}:次の署名者(principal)のうち {} 名以上の署名により受け入れる\n", rule.threshold),
    );
    for principal in policy.principals.iter().filter(|principal| principal.roles.contains(&rule.role)) {
        let revoked = principal.revoked.as_ref().map(|revoked| revocation(revoked, lang)).unwrap_or_default();
        let (id, keys) = (escape(&principal.id), principal.keys.len());
        text.push_str(
            &lang.say(format!("  {id} ({keys} keys{revoked})\n"), format!("  {id}(鍵 {keys} 本{revoked})\n")),
        );
    }
    text.push_str(&match rule.min_security_version {
        Some(floor) => lang.say(
            format!("  security version: at least {floor} (the floor)\n"),
            format!("  セキュリティ版:{floor} 以上(下限)\n"),
        ),
        None => lang
            .pick("  security version: no floor, any is taken\n", "  セキュリティ版:下限無し\n")
            .to_owned(),
    });
    text.push_str(if rule.deep {
        lang.pick("  every image is taken apart\n", "  全てのイメージを解析する\n")
    } else {
        lang.pick("  an equal whole digest is enough\n", "  全体のダイジェストの一致で足りる\n")
    });
    let channel = escape(rule.channel.as_deref().unwrap_or("release"));
    text.push_str(&lang.say(format!("  channel: {channel}\n"), format!("  チャネル:{channel}\n")));
    if !rule.hardware_revisions.is_empty() {
        let revisions: Vec<_> = rule.hardware_revisions.iter().map(|name| escape(name)).collect();
        let revisions = revisions.join(", ");
        text.push_str(
            &lang.say(
                format!("  hardware revisions: {revisions}\n"),
                format!("  ハードウェア版:{revisions}\n"),
            ),
        );
    }
    for path in rule.accept_reencoded.iter().map(|path| escape(path)) {
        text.push_str(&lang.say(
            format!("  EXCEPTION: a container packed anew, its normal form equal, is accepted at {path}\n"),
            format!("  【例外】{path}:正規形が等しければ、詰め直したコンテナーを受け入れる\n"),
        ));
    }
    for mutable in &rule.mutable {
        let path = escape(&mutable.path);
        text.push_str(&lang.say(
            format!("  EXCEPTION: what the maker does not describe may differ at {path}:\n"),
            format!("  【例外】製造者が記述しない {path} の相違を次の範囲で認める\n"),
        ));
        allowed(mutable).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    if !rule.settings.is_empty() {
        let count = rule.settings.len();
        text.push_str(&lang.say(
            format!("  settings of the device: {count}, value by value\n"),
            format!("  装置の設定:{count} 件を値毎に判定する\n"),
        ));
    }
    for (english, japanese, list) in [
        ("what has no reference value is", "基準値の無いもの", &rule.accept_partial),
        ("unexplained bytes are", "未説明のバイト", &rule.accept_unexplained),
        ("anything is", "あらゆる内容", &rule.accept_any),
    ] {
        for accept in list {
            let terms = terms(accept, lang);
            text.push_str(&lang.say(
                format!("  EXCEPTION: {english} accepted at {terms}\n"),
                format!("  【例外】{japanese}を受け入れる:{terms}\n"),
            ));
        }
    }
    text
}
