//! The command as its users meet it: exit codes, two-line complaints, and files that are whole or absent.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn run(&self, arguments: &str) -> Output {
        kiwame(self.0.path()).args(arguments.split_whitespace()).output().unwrap()
    }

    /// Runs what has to be refused: the exit code, and words that the complaint has to have.
    #[track_caller]
    fn refuses(&self, arguments: &str, exit: i32, words: &str) {
        let before = self.names();
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {said}");
        assert!(said.contains(words), "{arguments}: {said}");
        assert_eq!(self.names(), before, "{arguments}: left something behind");
    }

    /// Runs what has to be done.
    #[track_caller]
    fn does(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A maker's key, an image, and its signed manifest.
    fn attested() -> Self {
        let place = Self::new();
        place.file("fw.bin", b"firmware, as far as anybody can tell").file("firmware.toml", DESCRIPTION);
        place.does("key new -o maker.key");
        place.does("attest fw.bin --describe firmware.toml --key maker.key -o fw.json");
        place
    }
}

const DESCRIPTION: &str = r#"
schema = "kiwame-firmware/1"

[product]
vendor = "ACME"
model = "R1"

[release]
version = "1.0"
security-version = 1
"#;

const VERIFY: &str = "verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R1@1.0";

fn kiwame(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
    command.current_dir(place).env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
    command
}

#[test]
fn a_maker_attests_and_a_buyer_verifies() {
    let place = Place::attested();
    place.does(VERIFY);
    place.file("fw.bin", b"firmware, as far as anybody can tel!");
    assert_eq!(place.run(VERIFY).status.code(), Some(1));
}

#[test]
fn the_sandbox_and_this_process_give_one_report() {
    let place = Place::attested();
    let verify = format!("{VERIFY} --deep --format json --now 2026-01-01T00:00:00Z");
    assert_eq!(place.does(&verify), place.does(&format!("{verify} --engine native")));
}

#[test]
fn several_images_give_several_reports_and_the_gravest_exit_code() {
    let place = Place::attested();
    place.file("other.bin", b"something else");
    let arguments = VERIFY.replace("fw.bin", "fw.bin missing.bin other.bin");
    let output = place.run(&format!("{arguments} --format json --report reports.jsonl"));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.split_inclusive(|&byte| byte == b'\n').count(), 2);
    assert_eq!(fs::read(place.path("reports.jsonl")).unwrap(), output.stdout);
}

/// An image that takes a while, small ones, and some that cannot be used; in the middle, so that others go on.
const SEVERAL: &str = "large.bin fw.bin empty.bin other.bin missing.bin large.bin env.bin folder fw.bin";

impl Place {
    fn with_several() -> Self {
        let place = Self::attested();
        place.file("large.bin", noise(4 << 20)).file("other.bin", b"something else").file("empty.bin", b"");
        place.file("env.bin", kiwame_samples::sample("uboot-env/written").unwrap());
        fs::create_dir(place.path("folder")).unwrap();
        place
    }
}

/// Bytes that nothing recognises and that have to be looked at one by one.
fn noise(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn several_images_at_once_are_told_in_the_order_of_the_arguments() {
    let place = Place::with_several();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for image in SEVERAL.split(' ') {
        let alone = place.run(&format!("inspect {image}"));
        out.extend(alone.stdout);
        err.extend(alone.stderr);
    }
    let together = place.run(&format!("inspect {SEVERAL} --jobs 4"));
    assert_eq!(String::from_utf8_lossy(&together.stdout), String::from_utf8_lossy(&out));
    assert_eq!(String::from_utf8_lossy(&together.stderr), String::from_utf8_lossy(&err));
    assert_eq!(together.status.code(), Some(2));
}

#[test]
fn so_many_jobs_say_what_one_says() {
    let place = Place::with_several();
    let verify = VERIFY.replace("fw.bin", SEVERAL) + " --deep";
    let inspect = format!("inspect {SEVERAL}");
    for (arguments, exit) in [(inspect.as_str(), 2), (&verify, 1), (&format!("{verify} --engine native"), 1)]
    {
        let said = |jobs: &str| {
            let rest = "--format json --report reports.jsonl --force --now 2026-01-01T00:00:00Z";
            let output = place.run(&format!("{arguments} {rest} {jobs}"));
            assert_eq!(output.status.code(), Some(exit), "{arguments} {jobs}");
            let reports = fs::read(place.path("reports.jsonl")).unwrap();
            assert_eq!(reports, output.stdout, "{arguments} {jobs}");
            (output.stdout, output.stderr)
        };
        let one = said("--jobs 1");
        assert_eq!(one.0.split_inclusive(|&byte| byte == b'\n').count(), 6, "{arguments}");
        assert!(one == said("--jobs 4") && one == said(""), "{arguments}");
    }
}

#[test]
fn jobs_are_at_least_one() {
    let place = Place::attested();
    for jobs in ["0", "-1", "many", ""] {
        place.refuses(&format!("inspect fw.bin --jobs={jobs}"), 2, "--jobs");
        place.refuses(&format!("{VERIFY} --jobs={jobs}"), 2, "--jobs");
    }
    place.does("inspect fw.bin --jobs=1000");
}

#[test]
#[cfg(target_os = "linux")]
fn there_are_as_many_threads_as_jobs() {
    let place = Place::new();
    place.file("large.bin", noise(16 << 20));
    for (images, jobs, threads) in
        [("large.bin large.bin large.bin", 3, 3), ("large.bin large.bin", 1, 1), ("large.bin", 4, 1)]
    {
        let mut command = kiwame(place.0.path());
        command.arg("inspect").args(images.split(' ')).args(["--jobs", &jobs.to_string()]);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let tasks = format!("/proc/{}/task", child.id());
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            // Gone when the process is about to end.
            most = most.max(fs::read_dir(&tasks).map_or(0, Iterator::count));
            thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(most, threads, "{images} --jobs {jobs}");
    }
}

#[test]
fn standard_input_is_an_image_like_any_other() {
    let place = Place::attested();
    let mut child = kiwame(place.0.path())
        .args(VERIFY.replace("fw.bin", "-").split_whitespace())
        .stdin(fs::File::open(place.path("fw.bin")).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// One of two images has settings of its own: known to the other by what it was compared with, not by its digest.
#[test]
fn a_release_of_two_images_is_complete_with_settings_of_its_own() {
    let place = Place::new();
    let layout =
        "[[layout]]\nname = \"env\"\noffset = 0\nlength = 0x400\nwritten = true\nimage = \"env.bin\"\n";
    let rule = "[[mutable]]\npath = \"partition:env\"\nrule = \"keys\"\nremains-max-bytes = 64\n\
                keys = [{ name = \"note\", value = \"word:64\" }]\n";
    place.file("firmware.toml", [DESCRIPTION, layout, rule].concat()).file("fw.bin", b"the boot loader");
    place.file("env.bin", kiwame_samples::sample("uboot-env/written").unwrap());
    place.does("key new -o maker.key");
    let attest = "attest fw.bin env.bin --describe firmware.toml --key maker.key -o fw.json";
    place.does(attest);
    place.refuses(&attest.replace("env.bin", "fw.bin").replace("fw.json", "twice.json"), 2, "given twice");
    place.file("env.bin", kiwame_samples::sample("uboot-env/written-shorter").unwrap());
    place.does(&VERIFY.replace("fw.bin", "fw.bin env.bin"));
    place.does(&VERIFY.replace("fw.bin", "env.bin fw.bin"));
    place.does(&VERIFY.replace("fw.bin", "env.bin fw.bin --jobs 2"));
    assert_eq!(place.run(VERIFY).status.code(), Some(3), "without the other one");
    let twice = place.run(&VERIFY.replace("fw.bin", "env.bin env.bin"));
    assert_eq!(twice.status.code(), Some(3), "one image is not two");
    place.file("env.bin", kiwame_samples::sample("uboot-env/written-program").unwrap());
    let changed = place.run(&VERIFY.replace("fw.bin", "fw.bin env.bin"));
    assert_eq!(changed.status.code(), Some(1), "each has its own verdict");
}

/// A pipe among several images is needed twice, for its digest and for itself, and can be read only once.
#[test]
fn a_pipe_among_several_images_is_read_once() {
    let place = Place::attested();
    let mut child = kiwame(place.0.path())
        .args(VERIFY.replace("fw.bin", "- fw.bin --format json").split_whitespace())
        .stdin(fs::File::open(place.path("fw.bin")).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reports = String::new();
    child.stdout.take().unwrap().read_to_string(&mut reports).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(reports.lines().count(), 2);
    assert_eq!(reports.matches("image/given-twice").count(), 2, "two files that are the same are said to be");
    place.refuses(&VERIFY.replace("fw.bin", "- -"), 2, "given twice");
}

#[test]
fn names_of_files_reach_people_escaped() {
    let place = Place::new();
    let output = kiwame(place.0.path()).args(["inspect", "no\u{1b}[2Jsuch\u{202e}file"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains(r"no\u{1b}[2Jsuch\u{202e}file") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_rule_that_names_nothing_in_the_image_is_not_attested() {
    let place = Place::attested();
    let rule = "[[mutable]]\npath = \"partition:nowhere\"\nrule = \"any\"\nmax-bytes = 4\n";
    place.file("firmware.toml", [DESCRIPTION, rule].concat());
    let attest = "attest fw.bin --describe firmware.toml --key maker.key -o other.json";
    place.refuses(attest, 2, "mutable partition:nowhere: nothing in the images has that path");
    place.file("firmware.toml", [DESCRIPTION, &rule.replace("partition:nowhere", "raw:0")].concat());
    place.does(attest);
}

#[test]
fn a_manifest_of_another_channel_or_revision_needs_a_word() {
    let place = Place::attested();
    let narrow = DESCRIPTION
        .replace("model = \"R1\"\n", "model = \"R1\"\nchannel = \"beta\"\nhardware-revisions = [\"B2\"]\n");
    place.file("firmware.toml", narrow);
    place.does("attest fw.bin --describe firmware.toml --key maker.key -o fw.json --force");
    for (words, exit) in [
        ("", 4),
        (" --channel beta", 4),
        (" --channel beta --hardware A1", 4),
        (" --channel release --hardware B2", 4),
        (" --channel beta --hardware B2", 0),
    ] {
        assert_eq!(place.run(&format!("{VERIFY}{words}")).status.code(), Some(exit), "{words}");
    }
}

#[test]
fn input_that_cannot_be_used_is_exit_two() {
    let place = Place::attested();
    place.file("empty.bin", b"");
    fs::create_dir(place.path("folder")).unwrap();
    place.refuses("inspect missing.bin", 2, "missing.bin: cannot be read");
    place.refuses(&VERIFY.replace(" --expect ACME/R1@1.0", ""), 2, "expect VENDOR/MODEL");
    place.refuses("inspect folder", 2, "is a directory");
    place.refuses("inspect empty.bin", 2, "is empty");
    place.refuses("inspect", 2, "IMAGE");
    place.refuses("inspect fw.bin --limit space", 2, "NAME=VALUE");
    place.refuses("inspect fw.bin --limit sapce=1", 2, "sapce");
    place.refuses(
        "verify fw.bin --manifest missing.json --key maker.key.pub --expect ACME/R1",
        2,
        "missing.json",
    );
    place.refuses(
        "attest fw.bin --describe firmware.toml --key maker.key.pub -o new.json",
        2,
        "maker.key.pub",
    );
}

#[test]
fn what_cannot_be_trusted_is_exit_four() {
    let place = Place::attested();
    place.does("key new -o other.key");
    place.file("weak.pub", "ed25519:0100000000000000000000000000000000000000000000000000000000000000\n");
    let twice = fs::read_to_string(place.path("fw.json")).unwrap().replacen('{', r#"{"payloadType":"x","#, 1);
    place.file("twice.json", twice).file("garbage.json", b"\xff\xfenot a manifest");
    place.refuses(&VERIFY.replace("maker.key.pub", "other.key.pub"), 4, "");
    place.refuses(&VERIFY.replace("maker.key.pub", "weak.pub"), 4, "weak.pub");
    place.refuses(&VERIFY.replace("fw.json", "twice.json"), 4, "");
    place.refuses(&VERIFY.replace("fw.json", "garbage.json"), 4, "");
}

#[test]
fn output_files_are_never_overwritten_unasked() {
    let place = Place::attested();
    let manifest = fs::read(place.path("fw.json")).unwrap();
    place.refuses("attest fw.bin --describe firmware.toml --key maker.key -o fw.json", 2, "exists already");
    place.refuses("key new -o maker.key", 2, "exists already");
    place.refuses("inspect fw.bin --report fw.json", 2, "exists already");
    assert_eq!(fs::read(place.path("fw.json")).unwrap(), manifest);
    place.does("inspect fw.bin --report fw.json --force");
    assert_ne!(fs::read(place.path("fw.json")).unwrap(), manifest);
}

#[test]
fn an_output_is_never_the_evidence_nor_replaces_a_device() {
    let place = Place::attested();
    let before = fs::read(place.path("fw.bin")).unwrap();
    place.refuses(&format!("{VERIFY} --report fw.bin --force"), 2, "is the image fw.bin itself");
    place.refuses("attest fw.bin --describe firmware.toml --key maker.key -o ./fw.bin --force", 2, "itself");
    assert_eq!(fs::read(place.path("fw.bin")).unwrap(), before);
    // A device takes what is written, and stays one.
    #[cfg(unix)]
    {
        place.does(&format!("{VERIFY} --report /dev/null"));
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_no_file() {
    let place = Place::attested();
    place.file("fw.bin", noise(800_000));
    let before = place.names();
    // A file may not grow past nothing at all, as on a disk without room.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" attest fw.bin --describe firmware.toml --key maker.key -o new.json";
    let program = env!("CARGO_BIN_EXE_kiwame");
    let output =
        Command::new("sh").args(["-c", script, program]).current_dir(place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("new.json: cannot be written"));
    assert_eq!(place.names(), before);

    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = kiwame(place.0.path())
        .args(["inspect", "fw.bin"])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn an_image_that_changes_while_it_is_read_is_exit_two() {
    use std::os::unix::fs::FileExt as _;
    let place = Place::new();
    // On disk it is a hole; large enough not to be read into memory, and to take a while.
    let file = fs::File::create(place.path("large.bin")).unwrap();
    file.set_len(300 << 20).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                file.write_at(b"x", 1 << 20).unwrap();
                thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let output = place.run("inspect large.bin");
        done.store(true, Ordering::Relaxed);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("large.bin: changed while it was read"));
    });
}

#[test]
#[cfg(unix)]
fn a_private_key_is_its_owners_alone_and_other_tools_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let fingerprint = place.does("key new -o maker.key");
    let mode = fs::metadata(place.path("maker.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Of either half, only the public one is shown.
    for half in ["maker.key", "maker.key.pub"] {
        let shown = place.does(&format!("key show {half}"));
        assert!(shown.starts_with(fingerprint.trim()), "{shown}");
        assert!(!shown.contains("PRIVATE"));
    }
    // RFC 8410, section 7: version 0, and nothing behind the key.
    let pem = fs::read_to_string(place.path("maker.key")).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI"), "{pem}");
}

#[test]
fn the_core_can_do_four_things_and_be_asked_two() {
    let (imports, exports) = lists(&fs::read(env!("KIWAME_CORE_MODULE")).unwrap());
    assert_eq!(imports, ["kiwame.digest", "kiwame.log", "kiwame.progress", "kiwame.read"]);
    assert_eq!(exports, ["alloc", "memory", "run"]);
}

/// Names of the imports and exports of a module, sorted. (WebAssembly 2.0, section 5.5.)
fn lists(module: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut rest = &module[8..];
    while let [id, after @ ..] = rest {
        let mut body = after;
        let length = number(&mut body);
        let (mut section, after) = body.split_at(length);
        rest = after;
        if *id != 2 && *id != 7 {
            continue;
        }
        for _ in 0..number(&mut section) {
            let name = text(&mut section);
            if *id == 2 {
                imports.push(format!("{name}.{}", text(&mut section)));
                // A function, by its type. Anything else would not be read right here, nor be right.
                assert_eq!(number(&mut section), 0);
            } else {
                exports.push(name);
                number(&mut section);
            }
            number(&mut section);
        }
    }
    imports.sort();
    exports.sort();
    (imports, exports)
}

fn number(bytes: &mut &[u8]) -> usize {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let (digits, rest) = bytes.split_at(last + 1);
    *bytes = rest;
    digits.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f))
}

fn text(bytes: &mut &[u8]) -> String {
    let length = number(bytes);
    let (name, rest) = bytes.split_at(length);
    *bytes = rest;
    String::from_utf8(name.to_vec()).unwrap()
}

#[test]
fn a_description_is_completed_and_attested_and_never_overwritten_unasked() {
    let place = Place::new();
    // A gzip stream of nothing.
    place.file("fw.bin", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0");
    let text = place.does("describe fw.bin --engine native");
    place.does("describe fw.bin -o firmware.toml --engine native");
    assert_eq!(fs::read_to_string(place.path("firmware.toml")).unwrap(), text);
    place.refuses("describe fw.bin -o firmware.toml --engine native", 2, "exists already");
    place.refuses("describe fw.bin -o fw.bin --force --engine native", 2, "is the image");
    place.does("describe fw.bin -o firmware.toml --force --engine native");
    place.does("key new -o maker.key");
    place.refuses(
        "attest fw.bin --describe firmware.toml --key maker.key -o fw.json",
        2,
        "missing field `vendor`",
    );
    let field = |text: &str, name: &str, value: &str| {
        text.replace(&format!("#{name} = \"\""), &format!("{name} = \"{value}\""))
    };
    let text = field(&field(&field(&text, "vendor", "ACME"), "model", "R1"), "version", "1.0");
    place.file("firmware.toml", text);
    place.does("attest fw.bin --describe firmware.toml --key maker.key -o fw.json");
    place.does("verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R1@1.0");
}

#[test]
fn every_exit_code_is_documented() {
    let place = Place::new();
    for page in [place.does("--help"), place.does("man")] {
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "70"] {
            assert!(
                page.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
                "{code} in {page}"
            );
        }
    }
}

#[test]
fn the_version_names_the_core() {
    let place = Place::new();
    let fields: serde_json::Value = serde_json::from_str(&place.does("version --json")).unwrap();
    assert_eq!(fields["coreSha256"].as_str().unwrap().len(), 64);
    assert_eq!(fields["wasmtime"], "48.0.8");
}
