//! The command as its users meet it: exit codes, two-line complaints, and files that are whole or absent.

mod place;

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use place::{DESCRIPTION, Place, VERIFY, kiwame};

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

impl Place {
    /// Two units and, beside them, what is none: the documents that they are compared with.
    fn with_folder() -> Self {
        let place = Self::attested();
        fs::create_dir_all(place.path("dumps/more")).unwrap();
        for (from, to) in
            [("fw.bin", "dumps/SN2.bin"), ("fw.bin", "dumps/more/SN1.bin"), ("fw.json", "dumps/fw.json")]
        {
            fs::copy(place.path(from), place.path(to)).unwrap();
        }
        fs::copy(place.path("maker.key"), place.path("dumps/maker.key")).unwrap();
        fs::copy(place.path("maker.key.pub"), place.path("dumps/maker.key.pub")).unwrap();
        place.does("policy new --key maker.key.pub --expect ACME/R1 -o dumps/policy.toml");
        place
    }
}

const LOT: &str = "lot dumps --manifest fw.json --key maker.key.pub --expect ACME/R1@1.0";

#[test]
fn a_folder_stands_for_the_images_below_it_and_documents_are_left_out() {
    let place = Place::with_folder();
    let verify = VERIFY.replace("fw.bin", "dumps");
    let output = place.run(&format!("{verify} --format json"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(output.stdout.split_inclusive(|&byte| byte == b'\n').count(), 2);
    for name in ["fw.json", "maker.key", "maker.key.pub", "policy.toml"] {
        assert!(said.contains(&format!("dumps/{name}")), "{name}: {said}");
    }
    // Nothing in the folder is used.
    place.refuses("verify dumps --key maker.key.pub --expect ACME/R1@1.0", 3, "");
}

#[test]
fn what_only_begins_like_a_document_is_an_image() {
    let place = Place::with_folder();
    for (name, bytes) in [
        ("a.bin", &b"{\"payload\": \"an image that would rather not be looked at\"}"[..]),
        ("b.bin", b"{\"accepted\":true,\"account\":{}}"),
        ("c.bin", b"-----BEGIN PUBLIC KEY-----\nboo"),
        ("d.bin", b"schema = \"kiwame-policy/1\"\0"),
        ("e.bin", b"\x1f\x8b\x08\0\0\0\0\0\0\0code"),
    ] {
        let dump = place.path("dumps").join(name);
        fs::write(&dump, bytes).unwrap();
        let output = place.run(&format!("{LOT} --format json"));
        let lot: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_ne!(output.status.code(), Some(0), "{name}");
        assert_eq!(lot["units"].as_array().unwrap().len(), 3, "{name}");
        fs::remove_file(dump).unwrap();
    }
}

#[test]
fn a_lot_is_a_table_with_totals_and_summaries() {
    let place = Place::with_folder();
    fs::write(place.path("dumps/SN3.bin"), b"firmware, as far as anybody can tel!").unwrap();
    fs::write(place.path("dumps/SN4.bin"), b"").unwrap();
    let output =
        place.run(&format!("{LOT} --summary lot.csv --summary lot.html --summary lot.md --summary lot.json"));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let first = shown.lines().next().unwrap();
    assert!(first.contains("4 units: 1 does not match, 1 could not be read, 2 match"), "{first}");
    assert!(
        shown.contains("SN3") && shown.contains("lot/same-image") && !shown.contains("lot/repeated-image"),
        "{shown}"
    );
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let lines: Vec<_> = read("lot.csv").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[1].starts_with(r#""SN2","dumps/SN2.bin","matches","0","ACME/R1@1.0","#), "{}", lines[1]);
    assert!(read("lot.md").contains("| SN3 | ✗ does not match | (1.0) |"));
    let page = read("lot.html");
    assert!(page.contains("@page{size:A4") && page.contains("Signatures") && !page.contains("<script"));
    let lot: serde_json::Value = serde_json::from_str(&read("lot.json")).unwrap();
    assert_eq!(lot["exitCode"], 1);
    assert_eq!(lot["totals"]["affirming"], 2);
    assert_eq!(lot["leftOut"].as_array().unwrap().len(), 4);
}

#[test]
fn a_unit_goes_by_the_serial_number_that_its_image_holds() {
    let place = Place::new();
    place.does("key new -o maker.key");
    let twin = kiwame_samples::sample("router/twin").unwrap();
    place.file("factory.bin", kiwame_samples::sample("router/router.bin").unwrap()).file("unit.bin", twin);
    let description = kiwame_samples::folder().join("descriptions/router.toml");
    let description = fs::read_to_string(description).unwrap();
    let with = |path: &str| description.replace("model =", &format!("serial = \"{path}\"\nmodel ="));
    let attest = "attest factory.bin --describe router.toml --key maker.key -o router.json";
    place.file("router.toml", with("partition:env/variable:seriel"));
    place.refuses(attest, 2, "did you mean");
    place.file("router.toml", with("partition:kernel"));
    place.refuses(attest, 2, "expected one setting");
    place.file("router.toml", with(SERIAL));
    place.does(attest);
    place.file(
        "policy.toml",
        place
            .does("policy new --key maker.key.pub --expect Example/Router-1")
            .replace("# accept-any = [{ path = \"path\"", "accept-any = [{ path = \"partition:calibration\""),
    );
    place.file("serials.txt", "0001\n0002\n");
    let lot = "lot factory.bin unit.bin --manifest router.json --policy policy.toml --serials serials.txt --format json";
    let lot: serde_json::Value = serde_json::from_str(&place.does(lot)).unwrap();
    let serials: Vec<_> = lot["units"].as_array().unwrap().iter().map(|unit| &unit["serial"]).collect();
    assert_eq!(serials, ["0001", "0002"]);
}

const SERIAL: &str = "partition:env/variable:serial";

#[test]
fn what_differs_from_the_order_asks_for_a_person() {
    let place = Place::with_folder();
    place.does(&format!("{LOT} --ordered 2"));
    place.file("serials.txt", "# delivered\nSN1\nSN2\n");
    place.does(&format!("{LOT} --serials serials.txt"));
    let lot = |arguments: &str| {
        let output = place.run(&format!("{LOT} {arguments} --lang ja"));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (exit, shown) = lot("--ordered 3");
    assert_eq!(exit, Some(7), "{shown}");
    assert!(shown.contains("対象は 2 台であり、発注数は 3 台である。"), "{shown}");
    // As programs for tables save one column.
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    place.file("serials.csv", "\u{feff}\"SN1\"\r\n\"SN2\"\r\n");
    place.file("serials16.txt", utf16("\u{feff}SN1\r\nSN2\r\n"));
    place.does(&format!("{LOT} --serials serials.csv"));
    place.does(&format!("{LOT} --serials serials16.txt"));
    place.file("serials.txt", "SN1\nSN9\n");
    let (exit, shown) = lot("--serials serials.txt");
    assert_eq!(exit, Some(7), "{shown}");
    assert!(shown.contains("lot/not-delivered") && shown.contains("lot/not-ordered"), "{shown}");
    // One file is one unit, however often it is given.
    let (exit, shown) = lot("dumps/SN2.bin");
    assert_eq!(exit, Some(7), "{shown}");
    assert!(shown.contains("lot/repeated-image"), "{shown}");
}

#[test]
fn the_record_has_the_day_of_its_place_what_was_found_and_what_was_ordered() {
    let place = Place::with_folder();
    fs::write(place.path("dumps/b.bin"), "something else").unwrap();
    let mut command = kiwame(place.0.path());
    // Nine hours ahead of UTC: it is the day after there.
    command.env("TZ", "JST-9").args(LOT.split_whitespace());
    command.args(["--now", "2026-11-27T20:00:00Z", "--summary", "lot.html", "--summary", "lot.md"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let paper = fs::read_to_string(place.path("lot.html")).unwrap();
    for words in [
        "<td>2026-11-28</td>",
        "2026-11-28 05:00 +09:00 (2026-11-27T20:00:00Z; given by hand)",
        "<td>ACME/R1@1.0</td>",
        "What was found in each unit that does not match",
        "[component/modified]",
        "Next: ",
    ] {
        assert!(paper.contains(words), "{words} in {paper}");
    }
    assert!(fs::read_to_string(place.path("lot.md")).unwrap().contains("\n    Next: "));
}

#[test]
fn what_refuses_every_unit_is_said_once_and_makes_no_table() {
    let place = Place::with_folder();
    place.does("key new -o other.key");
    place.file("old.toml", "schema = \"kiwame-policy/0\"\nversion = 1\n");
    let policy = LOT.replace("--key maker.key.pub --expect ACME/R1@1.0", "--policy old.toml");
    for (arguments, exit, id) in [
        (LOT.replace("maker.key.pub", "other.key.pub"), 4, "[signature/too-few, exit 4]"),
        (policy, 2, "[document/type, exit 2]"),
        (LOT.replace(" --key maker.key.pub --expect ACME/R1@1.0", ""), 2, "[option/no-policy, exit 2]"),
    ] {
        let output = place.run(&format!("{arguments} --summary lot.csv"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.matches(id).count()), (Some(exit), 1), "{arguments}: {said}");
        assert!(output.stdout.is_empty() && !place.path("lot.csv").exists(), "{arguments}");
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_refused_before_the_work() {
    let place = Place::with_folder();
    place.refuses(&format!("{LOT} --summary lot.xyz"), 2, ".csv, .html, .json or .md");
    place.refuses(&format!("{LOT} --summary dumps/lot.csv"), 2, "lies in the folder of images");
    place.refuses(&format!("{LOT} --report dumps/more/r.json"), 2, "lies in the folder of images");
    place.file("serials.txt", "");
    place.refuses(&format!("{LOT} --serials serials.txt"), 2, "one serial number a line");
    place.file("serials.csv", "SN1\nSN2\n");
    for outputs in [
        "--report x.json --summary x.json",
        "--report x --summary x.run.json",
        "--summary x.json --summary ./x.json",
        "--summary fw.json --force",
        "--serials serials.csv --summary serials.csv --force",
    ] {
        place.refuses(&format!("{LOT} {outputs}"), 2, "Choose another name");
    }
}

#[test]
fn reports_are_shown_again_with_the_names_of_their_files_and_the_date() {
    let place = Place::with_folder();
    place.does(&format!("{LOT} --report r.json --now 2026-05-01T00:00:00Z"));
    let shown = place.does("report show r.json");
    for words in ["dumps/more/SN1.bin", "dumps/SN2.bin", "2026-05-01T00:00:00Z", "not re-performed"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(
        place.does("report show r.json --format json"),
        fs::read_to_string(place.path("r.json")).unwrap()
    );
    assert!(
        shown.starts_with("2 reports, as claimed") && shown.contains("✓ SN1 (dumps/more/SN1.bin): matches")
    );
    for name in ["SN2", "SN2.bin", "dumps/SN2.bin"] {
        let one = place.does(&format!("report show r.json --unit {name}"));
        assert!(one.contains("dumps/SN2.bin") && !one.contains("SN1") && !one.contains("2 reports"), "{one}");
    }
    assert_eq!(place.does("report show r.json --unit SN1 --format json").lines().count(), 1);
    // Without the record the reports have no names but the line in which they stand.
    fs::rename(place.path("r.json.run.json"), place.path("kept.json")).unwrap();
    assert!(place.does("report show r.json --unit r.json:2").contains("r.json:2"));
    fs::rename(place.path("kept.json"), place.path("r.json.run.json")).unwrap();
    assert!(place.does("report show r.json.run.json").contains("dumps/SN2.bin"));
    // Reports are no images either.
    fs::copy(place.path("r.json"), place.path("dumps/r.json")).unwrap();
    fs::copy(place.path("r.json.run.json"), place.path("dumps/r.json.run.json")).unwrap();
    place.does(&format!("{LOT} --ordered 2"));
}

#[test]
fn a_report_lists_what_differs_and_all_regions_only_when_asked() {
    let place = Place::attested();
    let regions = |arguments: &str| {
        let output = place.run(&format!("{VERIFY} --deep --format json {arguments}"));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["regions"].as_array().unwrap().len()
    };
    assert_eq!(regions(""), 0);
    let all = regions("--regions");
    assert!(all > 0);
    place.file("fw.bin", b"firmware, as far as anybody can tel!");
    assert!((1..all).contains(&regions("")), "the leaf that differs, without those around it");
}

#[test]
fn a_second_signer_needs_nobody_elses_key() {
    let place = Place::attested();
    place.does("key new -o second.key");
    place.does("manifest sign fw.json --key second.key -o both.json");
    place.does("policy new --key maker.key.pub --key second.key.pub --expect ACME/R1@1.0 -o policy.toml");
    let policy = fs::read_to_string(place.path("policy.toml")).unwrap();
    assert!(policy.contains("release = \"1.0\""), "{policy}");
    place.file("two.toml", policy.replace("threshold = 1 ", "threshold = 2 "));
    let verify =
        |manifest: &str| place.run(&format!("verify fw.bin --manifest {manifest} --policy two.toml"));
    assert_eq!(verify("both.json").status.code(), Some(0));
    assert_eq!(verify("fw.json").status.code(), Some(4), "one of two");
    place.does(VERIFY);
    place.refuses("manifest sign both.json --key second.key -o x.json", 2, "has signed this already");
    place.refuses("manifest sign policy.toml --key second.key -o x.json", 4, "");
    place.refuses("policy new --key maker.key.pub --key maker.key.pub --expect ACME/R1", 2, "given twice");
}

#[test]
fn manifests_may_be_packed() {
    let place = Place::attested();
    place.does("key new -o other.key");
    place.does("manifest sign fw.json --key other.key -o fw.json.gz");
    assert_eq!(&fs::read(place.path("fw.json.gz")).unwrap()[..3], b"\x1f\x8b\x08");
    place.does(&VERIFY.replace("fw.json", "fw.json.gz"));
    assert!(place.does("manifest show fw.json.gz").contains("ACME/R1@1.0"));
    // What lies behind the stream would be a second document.
    let mut more = fs::read(place.path("fw.json.gz")).unwrap();
    more.extend(b"{}");
    place.file("more.gz", more);
    place.refuses(&VERIFY.replace("fw.json", "more.gz"), 2, "behind the end");
    let cut = fs::read(place.path("fw.json.gz")).unwrap();
    place.file("cut.gz", &cut[..cut.len() - 9]);
    place.refuses(&VERIFY.replace("fw.json", "cut.gz"), 2, "packed");
}

#[test]
fn nothing_that_names_nothing_is_signed() {
    let place = Place::new();
    place.does("key new -o maker.key");
    place
        .file("router.bin", kiwame_samples::sample("router/router.bin").unwrap())
        .file("fw.bin", b"no format that we know");
    let description = kiwame_samples::folder().join("descriptions/router.toml");
    let description = fs::read_to_string(description).unwrap();
    let attest = |place: &Place, image: &str, more: &str, words: &str| {
        place.file("firmware.toml", format!("{description}{more}"));
        place.refuses(
            &format!("attest {image} --describe firmware.toml --key maker.key -o m.json"),
            2,
            words,
        );
    };
    let supplier = "[[supplier]]\npath = \"partition:kernle\"\nname = \"Kernel House\"\n";
    attest(&place, "router.bin", supplier, "did you mean partition:kernel?");
    let mutable = "[[mutable]]\npath = \"partition:kernal/x\"\nrule = \"erased\"\n";
    attest(&place, "router.bin", mutable, "did you mean partition:kernel?");
    place.file("firmware.toml", DESCRIPTION);
    let attest = "attest fw.bin --describe firmware.toml --key maker.key -o m.json";
    place.refuses(attest, 2, "--raw");
    place.does(&format!("{attest} --raw"));
}

#[test]
fn diff_begins_with_a_list_of_what_changed() {
    let place = Place::attested();
    place.file("other.bin", b"firmware, as far as anybody can tel!");
    let output = place.run("diff fw.bin other.bin --stat");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("\n  M  ") && !shown.contains("component/"), "{shown}");
    let whole = String::from_utf8(place.run("diff fw.bin other.bin").stdout).unwrap();
    assert!(whole.contains("\n  M  ") && whole.contains("component/"), "{whole}");
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
    let attest = "attest fw.bin --raw env.bin --describe firmware.toml --key maker.key -o fw.json";
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
    let attest = "attest fw.bin --raw --describe firmware.toml --key maker.key -o other.json";
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
    place.does("attest fw.bin --raw --describe firmware.toml --key maker.key -o fw.json --force");
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
        "attest fw.bin --raw --describe firmware.toml --key maker.key.pub -o new.json",
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
    place.refuses(
        "attest fw.bin --raw --describe firmware.toml --key maker.key -o fw.json",
        2,
        "exists already",
    );
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
    place.refuses(
        "attest fw.bin --raw --describe firmware.toml --key maker.key -o ./fw.bin --force",
        2,
        "itself",
    );
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
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" attest fw.bin --raw --describe firmware.toml --key maker.key -o new.json";
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
    let text = place.does("describe fw.bin");
    place.does("describe fw.bin -o firmware.toml");
    assert_eq!(fs::read_to_string(place.path("firmware.toml")).unwrap(), text);
    place.refuses("describe fw.bin -o firmware.toml", 2, "exists already");
    place.refuses("describe fw.bin -o fw.bin --force", 2, "is the image");
    place.does("describe fw.bin -o firmware.toml --force");
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
fn every_field_of_a_file_is_told_by_man_and_the_help_says_where() {
    let place = Place::new();
    for (file, verb, field) in [
        ("firmware.toml", "attest", "mutable[].when-empty"),
        ("policy.toml", "policy", "rule[].accept-any[]"),
        ("manifest.json", "manifest", "predicate.images[].eraseValue"),
        ("report.json", "report", "findings[].remedy"),
    ] {
        let text = place.does(&format!("man {file}"));
        assert!(text.lines().any(|line| line == field), "{field} in {text}");
        let manual = place.does(&format!("man {verb}"));
        assert!(manual.lines().any(|line| line == field), "{field} in {manual}");
    }
    assert!(place.does("attest --help").contains("kiwame man firmware.toml"));
    assert!(place.does("policy --help").contains("kiwame man policy.toml"));
}

#[test]
fn the_version_names_the_core() {
    let place = Place::new();
    let fields: serde_json::Value = serde_json::from_str(&place.does("version --json")).unwrap();
    assert_eq!(fields["coreSha256"].as_str().unwrap().len(), 64);
    assert_eq!(fields["wasmtime"], "48.0.8");
}

#[test]
fn a_private_key_signs_as_pem_and_as_der_and_is_refused_as_a_public_one_in_both() {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;
    let place = Place::attested();
    let der = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).to_pkcs8_der().unwrap();
    place.file("der.key", der.as_bytes());
    place.does("manifest sign fw.json --key der.key -o two.json");
    let public = place.does("key show der.key");
    place.file("der.pub", public.lines().next().unwrap());
    place.does("verify fw.bin --manifest two.json --key der.pub --expect ACME/R1");
    place.refuses(
        "verify fw.bin --manifest two.json --key der.key --expect ACME/R1",
        2,
        "holds a private key",
    );
}

#[test]
fn who_has_not_signed_is_named() {
    let place = Place::attested();
    place.does("key new -o other.key");
    let policy = place.does("policy new --key maker.key.pub --key other.key.pub --expect ACME/R1");
    assert!(policy.contains("threshold = 2"), "{policy}");
    place.file("both.toml", policy);
    let output = place.run("verify fw.bin --manifest fw.json --policy both.toml");
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("signed by 1 of 2 required principals; signed: "), "{said}");
    let absent = said.split_once("not signed: ").unwrap().1;
    assert!(absent.starts_with("ACME 2"), "{said}");
}

#[test]
fn readings_of_one_chip_have_to_be_equal() {
    let place = Place::attested();
    let image = fs::read(place.path("fw.bin")).unwrap();
    let mut other = image.clone();
    other[3] ^= 1;
    other[4] ^= 1;
    other[9] ^= 1;
    place.file("again.bin", &image).file("other.bin", &other).file("short.bin", &image[..20]);
    let shown = place.does(&format!("{VERIFY} --same again.bin"));
    assert!(shown.contains("again.bin: another reading of the same chip, equal"), "{shown}");
    for (readings, words) in [
        ("--same other.bin", "3 bytes differ (0x3+0x2, 0x9+0x1)"),
        ("--same again.bin --same other.bin", "3 bytes differ"),
        ("--same short.bin", "16 bytes differ (0x14+0x10)"),
    ] {
        let output = place.run(&format!("{VERIFY} {readings}"));
        let said = String::from_utf8_lossy(&output.stdout).replace("\n   ", "");
        assert_eq!(output.status.code(), Some(5), "{readings}: {said}");
        assert!(said.contains(words) && said.contains("image/reads-differ"), "{readings}: {said}");
    }
    // Of one unit, what was not read is of that unit, in a table as well.
    place.file("chip.map", "0x0+0x4\n");
    for verb in ["verify", "lot"] {
        let output =
            place.run(&format!("{} --unread chip.map --format json", VERIFY.replacen("verify", verb, 1)));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(5),
            "{verb}: {said} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // What differs from the reference does, however often it was read.
    let output = place.run(&VERIFY.replacen("fw.bin", "other.bin --same fw.bin", 1));
    assert_eq!(output.status.code(), Some(1));
}
