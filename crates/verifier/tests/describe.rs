//! `describe`: what it writes, once the maker has filled in who and what, is attested; the image affirms, and so does every
//! unit that it was made from, unless something differs that no rule may let differ.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing, reason = "tests")]

use kiwame_image::Memory;
use kiwame_samples::{golden, sample, seal, test_key};
use kiwame_trust::manifest::PAYLOAD_TYPE;
use serde_json::json;

/// The router's settings, kernel, file systems and calibration; stores of UEFI variables; what else there is of each sort.
const ROUTER: &str = "router/router.bin";
const VARIABLES: &str = "uefi/OVMF_VARS_4M.ms.fd";

type Image = (&'static str, Vec<u8>);

fn images(names: &[&'static str]) -> Vec<Image> {
    names.iter().map(|name| (*name, sample(name).unwrap_or_else(|error| panic!("{name}: {error}")))).collect()
}

fn run(images: &[Image]) -> kiwame_verifier::Response {
    let sources =
        images.iter().map(|(name, bytes)| json!({ "role": "image", "name": name, "size": bytes.len() }));
    let request = json!({ "abi": 1, "verb": "describe", "sources": sources.collect::<Vec<_>>(), "coreSha256": golden::CORE });
    let host = Memory::new(images.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
    kiwame_verifier::run(request.to_string().as_bytes(), &host)
}

fn describe(images: &[Image]) -> String {
    let response = run(images);
    let said = String::from_utf8_lossy(response.output("stderr").unwrap_or_default()).into_owned();
    assert_eq!(response.exit, 0, "{said}");
    String::from_utf8(response.output("stdout").expect("a description").to_vec()).expect("UTF-8")
}

/// As the maker completes it.
fn filled(text: &str) -> String {
    let text = text.replace("#vendor = \"\"", "vendor = \"Example\"");
    let text =
        text.replace("#model = \"\"", "model = \"Board\"").replace("#version = \"\"", "version = \"1\"");
    // And what differs between units, which the maker has read, taken from behind its sign.
    let Some((head, rules)) = text.split_once("# Behind one # stands") else { return text };
    let line = |line: &str| {
        let own = line.trim_start();
        let toml = own.strip_prefix('#').filter(|toml| !toml.starts_with(['#', ' ']));
        format!("{}\n", toml.unwrap_or(line))
    };
    format!("{head}# {}", rules.lines().map(line).collect::<String>())
}

/// With everything switched on that is proposed.
fn all_on(text: &str) -> String {
    let text = filled(text);
    let (head, rest) = text.split_once("#support-until").expect("the release");
    let line = |line: &str| match line.trim_start().strip_prefix('#').map(|toml| toml.trim_start_matches('#'))
    {
        Some(toml) if !toml.starts_with(' ') => toml.replace("name = \"\"", "name = \"Somebody\"") + "\n",
        _ => format!("{line}\n"),
    };
    let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    head.to_owned() + &rest.lines().map(line).collect::<String>()
}

/// The exit code of each image under the manifest of the first.
fn verify(images: &[Image], description: &str) -> Vec<u8> {
    let statement = golden::attest_bytes(&images[..1], description);
    let statement = statement.unwrap_or_else(|error| panic!("{}: {error}\n{description}", images[0].0));
    let envelope = seal(PAYLOAD_TYPE, &statement, "A");
    let key = test_key('A').1.pem().into_bytes();
    let one = |(name, image): &Image| {
        let request = json!({
            "abi": 1, "verb": "verify", "coreSha256": golden::CORE, "render": "text", "deep": true,
            "insecureAcceptKnownKeys": true, "expect": "Example/Board@1",
            "sources": [
                { "role": "image", "name": name, "size": image.len() },
                { "role": "manifest", "name": "manifest.json", "size": envelope.len() },
                { "role": "key", "name": "key.pem", "size": key.len() },
            ],
        });
        let sources = [image.clone(), envelope.clone(), key.clone()];
        let response = kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new(sources));
        if std::env::var_os("SHOW").is_some() {
            println!("{}", String::from_utf8_lossy(response.output("stdout").unwrap_or_default()));
        }
        response.exit
    };
    images.iter().map(one).collect()
}

#[test]
fn one_image_is_attested_as_described_and_affirms() {
    for name in [
        ROUTER,
        VARIABLES,
        "vars/booted",
        "uboot-env/redundant",
        "uboot-env/f800-in-64k",
        "jffs2/overlay",
        "jffs2/settings-overlay",
        "raw/unknown",
        "fill/erased",
        "fit/target",
        "uboot-fit/outside",
        "uimage/kernel",
        "gzip/one",
        "cpio/initramfs",
        "squashfs/plain",
        "intel-flash/descriptor-alone",
        "microcode/two",
        "nvram/authenticated",
    ] {
        if sample(name).is_err() {
            panic!("{name}: no such sample");
        }
        let images = images(&[name]);
        let text = describe(&images);
        assert_eq!(text, describe(&images), "{name}: not the same again");
        assert!(!text.contains("REFUSES"), "{name}: {text}");
        assert_eq!(verify(&images, &filled(&text)), [0], "{name}: {text}");
        // What is proposed names what is there, and the image keeps to it.
        assert_eq!(verify(&images, &all_on(&text)), [0], "{name}: {text}");
    }
}

/// Units of one release: whatever differs between them has a rule with a grammar, which is switched on.
#[test]
fn units_that_differ_in_what_devices_write_affirm() {
    for names in [
        &["uboot-env/f800-in-64k", "uboot-env/f800-own-address"][..],
        &["nvram/authenticated", "nvram/setting-changed"],
        &["jffs2/settings-overlay", "jffs2/settings-json-number"],
        &["jffs2/settings-overlay", "jffs2/settings-ini-port"],
        &["jffs2/settings-overlay", "jffs2/settings-created"],
        &["jffs2/settings-overlay", "jffs2/settings-mounted"],
        &["jffs2/settings-overlay", "jffs2/settings-touched", "jffs2/settings-quoted"],
        &["jffs2/settings-erased", "jffs2/settings-made"],
        &[ROUTER, "router/overlay-written"],
        &[ROUTER, "router/environment-unit-settings", "router/overlay-written"],
        &["vars/first-boot", "vars/booted"],
        &["vars/booted", "vars/reclaimed"],
    ] {
        let images = images(names);
        let text = describe(&images);
        assert_eq!(verify(&images, &filled(&text)), vec![0; names.len()], "{names:?}: {text}");
        assert!(text.contains("nothing differs between these units"), "{names:?}: {text}");
        // Nothing is allowed by itself: whoever had a hand in one of the units had one in the proposal.
        let unread = text.replace("#vendor = \"\"", "vendor = \"Example\"");
        let unread = unread
            .replace("#model = \"\"", "model = \"Board\"")
            .replace("#version = \"\"", "version = \"1\"");
        assert_ne!(verify(&images, &unread), vec![0; names.len()], "{names:?}: {text}");
        // Without the others there is no reason to let anything differ.
        let alone = filled(&describe(&images[..1]));
        assert!(!alone.contains("\n[[mutable]]"), "{alone}");
        assert_ne!(verify(&images, &alone)[1], 0, "{names:?}: {alone}");
    }
}

/// Whatever runs or decides what runs is listed with both places, no rule is made for it, and the other unit does not pass.
#[test]
fn units_that_differ_in_what_runs_are_not_affirmed_and_it_is_said_where() {
    for (names, path) in [
        (
            [ROUTER, "router/kernel-default"],
            "partition:kernel/device-tree:root/node:configurations/property:default",
        ),
        (
            [ROUTER, "router/kernel-patched"],
            "partition:kernel/device-tree:root/node:images/node:kernel/property:data",
        ),
        ([ROUTER, "router/file-changed"], "partition:rootfs/squashfs:files/decoded:content/dir:opt"),
        ([ROUTER, "router/init-in-one-environment"], "partition:env-redundant/variable:bootargs"),
        (
            [ROUTER, "router/overlay-boot-script"],
            "partition:overlay/jffs2:files/decoded:content/dir:upper/dir:etc",
        ),
        ([ROUTER, "router/overlay-packed-program"], "partition:overlay"),
        ([ROUTER, "router/twin"], "partition:calibration"),
        ([ROUTER, "router/overlay-first-boot"], "partition:overlay"),
        (["uboot-env/single", "uboot-env/written"], "partition:uboot-env/variable:bootcmd"),
        (["uboot-fit/outside", "uboot-fit/outside-patched"], "data:kernel"),
        (["vars/first-boot", "vars/boot-entry-added"], "BootOrder"),
        (["vars/first-boot", "vars/trust-anchor-added"], "D719B2CB-3D3A-4596-A3BC-DAD00E67656F-db"),
        (
            ["vars/first-boot", "vars/secure-boot-off"],
            "F0A30BC7-AF08-4556-99C4-001009C93A44-SecureBootEnable",
        ),
        (["uefi/OVMF_CODE_4M.fd", "uefi/modified-driver"], "uefi-file:6D6963AB-906D-4A65-A7CA-BD40E5D6AF2B"),
    ] {
        check_refused(&images(&names), path);
    }
    for (name, at, path) in
        [("gzip/one", 20, "gzip:"), ("raw/unknown", 40, "raw:0"), ("squashfs/plain", 100, "squashfs:")]
    {
        let mut units = [images(&[name]), images(&[name])].concat();
        units[1].0 = "other.bin";
        units[1].1[at] ^= 0x10;
        check_refused(&units, path);
    }
}

fn check_refused(units: &[Image], path: &str) {
    let text = describe(units);
    let names = [units[0].0, units[1].0];
    let (_, told) = text
        .split_once("between the units that no rule above allows:")
        .unwrap_or_else(|| panic!("{names:?}: {text}"));
    let unit = names[1].rsplit('/').next().unwrap();
    let line = told.lines().find(|line| line.contains(path) && line.ends_with(&format!(" in {unit}")));
    assert!(line.is_some_and(|line| line.contains(" here and ")), "{names:?}: {path} in {told}");
    let exits = verify(units, &filled(&text));
    assert!(exits[0] == 0 && exits[1] != 0, "{names:?}: {exits:?}");
    // Also not with everything that is proposed.
    if names[1] != "router/overlay-first-boot" {
        assert_ne!(verify(units, &all_on(&text))[1], 0, "{names:?}");
    }
}

/// What decides what starts is in no list of keys, whatever the store holds.
#[test]
fn no_rule_is_proposed_over_what_decides_what_starts() {
    for name in [
        ROUTER,
        VARIABLES,
        "vars/booted",
        "uboot-env/redundant",
        "router/environment-unit-command",
        "jffs2/overlay",
    ] {
        let text = describe(&images(&[name]));
        let keys: Vec<_> = text.lines().filter(|line| line.contains("{ name = ")).collect();
        for never in [
            "boot",
            "args",
            "Boot",
            "PK",
            "KEK",
            "-db",
            "SecureBoot",
            "CustomMode",
            "shadow",
            "rc.local",
            "certdb",
            "VendorKeys",
        ] {
            assert!(!keys.iter().any(|key| key.contains(never)), "{name}: {never}: {keys:?}");
        }
    }
}

/// Until the maker has said who and what, there is nothing to sign.
/// What a command of the release puts in is a part of that command.
#[test]
fn no_rule_is_proposed_over_what_a_command_expands() {
    let unit = |image: &str, note: &str| {
        let layout = "bootargs=mtdparts=f:4k(boot),4k(env)";
        let settings = format!("bootcmd=bootm ${{image}}\0{layout}\0image={image}\0note={note}\0\0");
        [vec![b'?'; 0x1000], environment(settings.as_bytes())].concat()
    };
    let text = describe(&[("one.bin", unit("0x80000", "a1")), ("two.bin", unit("0x380000", "b2"))]);
    assert!(text.contains("name = \"note\"") && !text.contains("name = \"image\""), "{text}");
}

#[test]
fn what_is_not_filled_in_is_refused_by_its_name() {
    let images = images(&[ROUTER]);
    let mut text = describe(&images);
    for (field, value) in [("vendor", "Example"), ("model", "Board"), ("version", "1")] {
        let error = golden::attest_bytes(&images, &text).expect_err("nothing to sign").to_string();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
        // Switched on and left empty is not filled in either.
        let empty = filled(&text).replace(&format!("{field} = \"{value}\""), &format!("{field} = \"\""));
        let error = golden::attest_bytes(&images, &empty).expect_err("nothing to sign").to_string();
        assert!(error.contains(field), "{error}");
        text = text.replace(&format!("#{field} = \"\""), &format!("{field} = \"{value}\""));
    }
    golden::attest_bytes(&images, &text).expect("complete");
    let supplier = text.replacen("#[[supplier]]\n#path", "[[supplier]]\npath", 1).replacen(
        "#name = \"\"",
        "name = \"\"",
        1,
    );
    let error = golden::attest_bytes(&images, &supplier).expect_err("nobody").to_string();
    assert!(error.contains("supplier partition:boot: name is empty"), "{error}");
}

/// An environment with these settings, as U-Boot keeps it.
fn environment(settings: &[u8]) -> Vec<u8> {
    let mut data = settings.to_vec();
    data.resize(0x1000 - 4, 0xff);
    let step = |sum: u32| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    let sum = data.iter().fold(u32::MAX, |sum, &byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| step(sum)));
    [(!sum).to_le_bytes().to_vec(), data].concat()
}

/// A boot loader writes its two environments in turn: what was saved in one of them will be in the other, and either may be
/// erased.
#[test]
fn what_differs_in_one_environment_may_differ_in_the_other() {
    let with = |name: &'static str, first: &str, second: &str| {
        let one = |serial: &str| {
            let layout = "bootargs=mtdparts=f:4k(boot),4k(env),4k(env2)";
            environment(
                format!("bootcmd=run a\0{layout}\0baudrate=115200\0stdin=serial\0serial={serial}\0\0")
                    .as_bytes(),
            )
        };
        (name, [vec![b'?'; 0x1000], one(first), one(second)].concat())
    };
    let units = [with("1.bin", "11", "11"), with("2.bin", "12", "11")];
    let text = describe(&units);
    let later = with("3.bin", "11", "13");
    let [one, two] = units;
    assert_eq!(verify(&[one, two, later], &filled(&text)), [0, 0, 0], "{text}");
    let units = images(&[ROUTER, "router/second-environment-erased"]);
    let text = describe(&units);
    assert_eq!(verify(&units, &filled(&text)), [0, 0], "{text}");
}

/// Names and values come from whoever made the image.
#[test]
fn hostile_names_stay_strings_and_reach_no_terminal() {
    let with = |value: &str| {
        let settings = format!(
            "bootcmd=run a\0bootargs=mtdparts=f:4k(p\u{1b}[2J),4k(e\u{202e}v)\0baudrate=115200\0stdin=serial\0\"]\nx=\"=1\0\
             k\u{1b}[2J\u{202e}=7{value}\0q=aa{value}\0\0"
        );
        ("env.bin", [vec![b'?'; 0x1000], environment(settings.as_bytes())].concat())
    };
    let (mut one, other) = (with("1"), with("2"));
    one.0 = "e\u{1b}[1mnv.bin";
    let text = describe(&[one.clone(), other.clone()]);
    assert!(!text.chars().any(|sign| sign.is_control() && sign != '\n' || sign == '\u{202e}'), "{text}");
    assert!(
        text.contains(r#"name = "p\U0000001B[2J""#) && text.contains(r#"name = "e\U0000202Ev""#),
        "{text}"
    );
    assert!(
        text.contains(r#"path = "partition:e%E2%80%AEv""#) && text.contains(r#"{ name = "q", value = "#),
        "{text}"
    );
    // What people could not tell from something else is not proposed; the other settings are.
    assert!(text.contains(r#""k\U0000001B[2J\U0000202E""#), "{text}");
    one.0 = "env.bin";
    assert_eq!(verify(&[one.clone(), one.clone()], &all_on(&text)), [0, 0], "{text}");
    assert_eq!(verify(&[one, other], &filled(&text)), [0, 1], "{text}");
}

/// Two units of one release are dumps of one length.
#[test]
fn units_of_several_lengths_are_none_of_one_release() {
    let response = run(&images(&["gzip/one", "gzip/two"]));
    assert_eq!(response.exit, 2);
    assert!(String::from_utf8_lossy(response.output("stderr").unwrap()).contains("found 64 bytes, and 32"));
}

/// Whatever an image holds, the text says what `attest` will make of it, and nothing in it moves a terminal.
fn check_any(name: &'static str, image: Vec<u8>) {
    let images = [(name, image)];
    let response = run(&images);
    if images[0].1.is_empty() {
        assert_eq!(response.exit, 2);
        return;
    }
    assert_eq!(
        response.exit,
        0,
        "{name}: {}",
        String::from_utf8_lossy(response.output("stderr").unwrap_or_default())
    );
    let text = String::from_utf8(response.output("stdout").unwrap().to_vec()).expect("UTF-8");
    assert!(!text.chars().any(|sign| sign.is_control() && sign != '\n'), "{name}");
    assert!(text.lines().count() < 1000 && text.len() < 100_000, "{name}: {} lines", text.lines().count());
    match golden::attest_bytes(&images, &filled(&text)) {
        Ok(_) => assert!(!text.contains("REFUSES"), "{name}: {text}"),
        Err(error) => {
            assert!(
                text.contains("REFUSES") && !error.to_string().contains("TOML"),
                "{name}: {error}\n{text}"
            );
        }
    }
}

#[test]
fn every_sample_is_described_as_attest_will_take_it() {
    for name in kiwame_samples::names().expect("the samples are there") {
        // They hold more than a limit lets be decoded, and take long.
        if !name.contains("bomb") {
            let image = sample(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
            check_any(Box::leak(name.into_boxed_str()), image);
        }
    }
}

#[test]
fn cut_and_flipped_images_are_described_too() {
    for name in [
        "uboot-env/redundant",
        "jffs2/settings-overlay",
        "nvram/authenticated",
        "uboot-fit/outside",
        "device-tree/board",
    ] {
        let image = sample(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut state = 1_u64;
        for _ in 0..60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % image.len();
            check_any(name, image[..at].to_vec());
            let mut flipped = image.clone();
            flipped[at % 2048 % image.len()] ^= 1 << (state >> 60 & 7);
            check_any(name, flipped);
        }
    }
}
