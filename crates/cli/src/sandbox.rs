//! The core in wasmtime: machine code made by `build.rs`, one instance a run, thrown away after it.

use std::rc::Rc;

use kiwame_image::{Algorithm, Host, Part, Problem};
use kiwame_report::Lang;
use wasmtime::{Caller, Engine, Linker, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Trap};

use crate::code;
use crate::problems;
use crate::sources::Sources;

/// SHA-256 of `kiwame-core.wasm`, the module that the embedded machine code was made from.
pub(crate) const CORE_SHA256: &str = env!("KIWAME_CORE_SHA256");

/// The core's counted budgets end a run far below this.
pub(crate) const MEMORY: usize = 512 << 20;
/// Instructions, roughly: some minutes of them. Decoding all that the default limits allow takes a fraction.
const FUEL: u64 = 400_000_000_000;

/// What the core answered.
#[derive(Debug)]
pub(crate) struct Response {
    /// Exit code of this run.
    pub(crate) exit: u8,
    outputs: Vec<(String, Vec<u8>)>,
}

impl Response {
    /// The output of that name; empty when there is none.
    pub(crate) fn output(&self, name: &str) -> &[u8] {
        let found = self.outputs.iter().find(|(other, _)| other == name);
        found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default()
    }

    /// All outputs, by name.
    /// What the core says in place of a report, in one line.
    pub(crate) fn message(&self, lang: Lang) -> String {
        let problem: serde_json::Value = serde_json::from_slice(self.output("problem")).unwrap_or_default();
        problem["message"][lang.pick("en", "ja")].as_str().unwrap_or_default().replace('\n', " ")
    }

    /// Every output with its name.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.outputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

impl From<kiwame_verifier::Response> for Response {
    fn from(response: kiwame_verifier::Response) -> Self {
        let outputs =
            response.outputs.into_iter().map(|output| (output.name.to_owned(), output.bytes)).collect();
        Self { exit: response.exit, outputs }
    }
}

/// The module, ready to be started any number of times.
pub(crate) struct Sandbox {
    engine: Engine,
    module: Module,
    linker: Linker<State>,
}

/// What the imports of one instance can reach.
struct State {
    sources: Rc<Sources>,
    memory: Option<Memory>,
    limits: StoreLimits,
    last_words: Option<String>,
}

impl Sandbox {
    /// Loads the embedded machine code.
    pub(crate) fn new() -> Result<Self, Problem> {
        let (engine, module) = code::load().map_err(broken)?;
        let linker = imports(&engine).map_err(broken)?;
        Ok(Self { engine, module, linker })
    }

    /// Answers one request in a fresh instance.
    pub(crate) fn run(&self, request: &[u8], sources: &Rc<Sources>) -> Result<Response, Problem> {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY).instances(1).memories(1).tables(1);
        let limits = limits.trap_on_grow_failure(true).build();
        let state = State { sources: Rc::clone(sources), memory: None, limits, last_words: None };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        let result = store.set_fuel(FUEL).and_then(|()| self.call(&mut store, request));
        result.map_err(|error| match store.data_mut().last_words.take() {
            Some(words) => problems::bug(format_args!("the core stopped: {}", words.replace('\n', " "))),
            None => broken(error),
        })
    }

    fn call(&self, store: &mut Store<State>, request: &[u8]) -> wasmtime::Result<Response> {
        let instance = self.linker.instantiate(&mut *store, &self.module)?;
        let memory = instance.get_memory(&mut *store, "memory");
        let memory = memory.ok_or_else(|| wasmtime::Error::msg("the core exports no memory"))?;
        store.data_mut().memory = Some(memory);

        let length = u32::try_from(request.len())?;
        let address = instance.get_typed_func::<u32, u32>(&mut *store, "alloc")?.call(&mut *store, length)?;
        memory.write(&mut *store, address as usize, request)?;
        let run = instance.get_typed_func::<(u32, u32), u32>(&mut *store, "run")?;
        let response = run.call(&mut *store, (address, length))?;
        read_response(memory.data(&*store), response)
    }
}

/// `exit, count`, then for each output four words; see the documentation of `kiwame-guest`.
fn read_response(memory: &[u8], address: u32) -> wasmtime::Result<Response> {
    let word = |index: u32| -> wasmtime::Result<u32> {
        let at = u64::from(address) + 4 * u64::from(index);
        let bytes = slice(memory, at, 4)?;
        Ok(u32::from_le_bytes(bytes.try_into()?))
    };
    let text = |index: u32| slice(memory, word(index)?.into(), word(index + 1)?.into());
    let output = |number: u32| -> wasmtime::Result<_> {
        let first = 2 + 4 * number;
        Ok((String::from_utf8(text(first)?.to_vec())?, text(first + 2)?.to_vec()))
    };
    let count = word(1)?.min(16);
    let outputs = (0..count).map(output).collect::<wasmtime::Result<_>>()?;
    Ok(Response { exit: u8::try_from(word(0)?)?, outputs })
}

/// The four functions that the core may call; a test pins the list.
fn imports(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("kiwame", "read", read)?;
    linker.func_wrap("kiwame", "digest", digest)?;
    linker.func_wrap("kiwame", "progress", |caller: Caller<'_, State>, done: u64, total: u64| {
        caller.data().sources.progress(done, total);
    })?;
    linker.func_wrap("kiwame", "log", |mut caller: Caller<'_, State>, text: u32, length: u32| {
        let (memory, state) = parts_of(&mut caller)?;
        // A panic message is short; whatever is not, is cut.
        let words = slice(memory, text.into(), length.min(4096).into())?;
        state.last_words = Some(String::from_utf8_lossy(words).into_owned());
        wasmtime::Result::Ok(())
    })?;
    Ok(linker)
}

fn read(
    mut caller: Caller<'_, State>,
    source: u32,
    offset: u64,
    into: u32,
    length: u32,
) -> wasmtime::Result<u32> {
    let (memory, state) = parts_of(&mut caller)?;
    let into = slice_mut(memory, into.into(), length.into())?;
    Ok(state.sources.read(source, offset, into).is_err().into())
}

fn digest(
    mut caller: Caller<'_, State>,
    algorithm: u32,
    parts: u32,
    count: u32,
    into: u32,
) -> wasmtime::Result<u32> {
    let (memory, state) = parts_of(&mut caller)?;
    let known = Algorithm::ALL.into_iter().find(|known| known.id() == algorithm);
    let algorithm =
        known.ok_or_else(|| wasmtime::Error::msg("the core asked for an unknown digest algorithm"))?;
    let (records, []) = slice(memory, parts.into(), u64::from(count) * 24)?.as_chunks::<24>() else {
        return Err(wasmtime::Error::msg("a multiple of 24 has a remainder"));
    };
    let parts = records.iter().map(|record| part(memory, record)).collect::<wasmtime::Result<Vec<_>>>()?;
    let Ok(digest) = state.sources.digest(algorithm, &parts) else { return Ok(1) };
    slice_mut(memory, into.into(), digest.bytes().len() as u64)?.copy_from_slice(digest.bytes());
    Ok(0)
}

fn part<'a>(memory: &'a [u8], record: &[u8; 24]) -> wasmtime::Result<Part<'a>> {
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|index| record[at + index]));
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    let (offset, length) = (long(8), long(16));
    match word(0) {
        0 => Ok(Part::Source { source: word(4), offset, length }),
        1 => Ok(Part::Memory(slice(memory, offset, length)?)),
        _ => Err(wasmtime::Error::msg("the core asked for the digest of an unknown kind of part")),
    }
}

fn parts_of<'a>(caller: &'a mut Caller<'_, State>) -> wasmtime::Result<(&'a mut [u8], &'a mut State)> {
    let memory =
        caller.data().memory.ok_or_else(|| wasmtime::Error::msg("the core called before it was started"))?;
    Ok(memory.data_and_store_mut(caller))
}

fn slice(memory: &[u8], offset: u64, length: u64) -> wasmtime::Result<&[u8]> {
    let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
    end.and_then(|end| memory.get(offset as usize..end)).ok_or_else(|| Trap::MemoryOutOfBounds.into())
}

fn slice_mut(memory: &mut [u8], offset: u64, length: u64) -> wasmtime::Result<&mut [u8]> {
    let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
    end.and_then(|end| memory.get_mut(offset as usize..end)).ok_or_else(|| Trap::MemoryOutOfBounds.into())
}

fn broken(error: wasmtime::Error) -> Problem {
    problems::bug(format_args!("the core stopped: {error:#}"))
}
