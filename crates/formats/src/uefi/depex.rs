//! Dependency expressions of UEFI PI modules.
//!
//! UEFI Platform Initialization Specification 1.8, volume 2, section 10.7 (DXE), volume 1, section 5.7 (PEI):
//! opcodes for a stack of truth values, some with the GUID of a protocol or PPI behind them.
//!
//! ## Normal form
//!
//! None: the expression is the content of its section, compared as it lies.

use kiwame_image::{Guid, Reader};

use super::section::TRUNCATED;

/// What is wrong with an expression, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Offset in the expression.
    pub(crate) offset: u64,
    /// What is there.
    pub(crate) found: String,
    /// What should be there.
    pub(crate) expected: &'static str,
}

/// The expression as text, as far as it can be read, and what stopped the reading.
pub(crate) fn read(bytes: &[u8]) -> (String, Option<Malformed>) {
    let mut input = Reader::new(bytes, 0, &TRUNCATED);
    let mut words = Vec::new();
    let mut depth = 0u64;
    let malformed = loop {
        let offset = input.position();
        let stop = |found: String, expected| Some(Malformed { offset, found, expected });
        let Ok(code) = input.u8("opcode") else { break stop("the end".to_owned(), "END") };
        let Some(opcode) = OPCODES.iter().find(|opcode| opcode.code == code) else {
            break stop(format!("{code:#04x}"), "an opcode");
        };
        let Some(left) = depth.checked_sub(opcode.pops) else {
            break stop(opcode.name.to_owned(), "operands");
        };
        depth = left.saturating_add(opcode.pushes);
        words.push(opcode.name.to_owned());
        if opcode.has_guid {
            match input.guid("Guid") {
                Ok(guid) => words.push(Guid::to_string(&guid)),
                Err(_) => break stop(format!("{} bytes", input.remaining()), "a GUID"),
            }
        }
        if code == END {
            let end = Malformed { offset: input.position(), found: String::new(), expected: "nothing" };
            break (input.remaining() > 0)
                .then(|| Malformed { found: format!("{} bytes behind END", input.remaining()), ..end });
        }
    };
    (words.join(" "), malformed)
}

struct Opcode {
    code: u8,
    name: &'static str,
    has_guid: bool,
    pops: u64,
    pushes: u64,
}

const fn opcode(code: u8, name: &'static str, has_guid: bool, pops: u64, pushes: u64) -> Opcode {
    Opcode { code, name, has_guid, pops, pushes }
}

const END: u8 = 0x08;

/// BEFORE, AFTER and SOR stand at the beginning and leave the stack alone; END takes what is left on it, and in
/// a bare BEFORE or AFTER there is nothing.
static OPCODES: &[Opcode] = &[
    opcode(0x00, "BEFORE", true, 0, 0),
    opcode(0x01, "AFTER", true, 0, 0),
    opcode(0x02, "PUSH", true, 0, 1),
    opcode(0x03, "AND", false, 2, 1),
    opcode(0x04, "OR", false, 2, 1),
    opcode(0x05, "NOT", false, 1, 1),
    opcode(0x06, "TRUE", false, 0, 1),
    opcode(0x07, "FALSE", false, 0, 1),
    opcode(END, "END", false, 0, 0),
    opcode(0x09, "SOR", false, 0, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_read_as_the_specification_writes_them() {
        let mut bytes = vec![0x02];
        bytes.extend([0x11; 16]);
        bytes.extend([0x06, 0x03, 0x08]);
        let text = "PUSH 11111111-1111-1111-1111-111111111111 TRUE AND END";
        assert_eq!(read(&bytes), (text.to_owned(), None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let at = |bytes: &[u8]| read(bytes).1.map(|malformed| (malformed.offset, malformed.expected));
        assert_eq!(at(&[]), Some((0, "END")));
        assert_eq!(at(&[0x06]), Some((1, "END")));
        assert_eq!(at(&[0x06, 0x03, 0x08]), Some((1, "operands")));
        assert_eq!(at(&[0x06, 0x0a, 0x08]), Some((1, "an opcode")));
        assert_eq!(at(&[0x02, 1, 2]), Some((0, "a GUID")));
        assert_eq!(at(&[0x06, 0x08, 0xff]), Some((2, "nothing")));
        assert_eq!(at(&[0x06, 0x08]), None);
    }
}
