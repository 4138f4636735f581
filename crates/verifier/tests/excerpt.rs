//! Bytes of a decoded space are given back to who wants to read them, and nothing else of the answer changes.

use kiwame_image::Memory;
use kiwame_verifier::{Response, run};

const RELEASE: &str = "found:0x200000/squashfs:files/decoded:content/dir:etc/file:os-release";

fn inspected(excerpt: &str) -> Response {
    let image =
        std::fs::read(format!("{}/../../firmware-samples/router/router.bin", env!("CARGO_MANIFEST_DIR")));
    let image = image.expect("a sample");
    let request = format!(
        r#"{{"abi":1,"verb":"inspect","coreSha256":"","render":"words"{excerpt},
            "sources":[{{"role":"image","name":"router.bin","size":{}}}]}}"#,
        image.len()
    );
    run(request.as_bytes(), &Memory::new([image]))
}

fn of(space: &str, offset: u64, length: u64) -> String {
    format!(r#","excerpt":{{"space":"{space}","offset":{offset},"length":{length}}}"#)
}

#[test]
fn bytes_that_somebody_wants_to_read_are_an_output() {
    let plain = inspected("");
    assert_eq!(plain.output("excerpt"), None);
    let all = inspected(&of(RELEASE, 0, 33));
    assert_eq!(all.output("report"), plain.output("report"));
    assert_eq!(all.output("excerpt").map(<[u8]>::len), Some(33));
    assert_eq!(
        inspected(&of(RELEASE, 3, 5)).output("excerpt"),
        all.output("excerpt").map(|text| &text[3..8])
    );
    assert_eq!(inspected(&of("image", 0x20_0000, 4)).output("excerpt"), Some(&b"hsqs"[..]));
}

#[test]
fn what_is_not_there_or_too_long_is_not_given() {
    for (space, offset, length) in [
        (RELEASE, 0, 34),
        (RELEASE, u64::MAX, 2),
        (RELEASE, 0, 0),
        ("image/none", 0, 1),
        ("image", 0, 65_537),
    ] {
        let answer = inspected(&of(space, offset, length));
        assert_eq!((answer.exit, answer.output("excerpt")), (0, None), "{space} {offset} {length}");
    }
}
