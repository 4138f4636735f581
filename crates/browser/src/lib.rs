//! The shell of the page: checks the core's digest, starts it, and lends it the files that were dropped.
//!
//! It runs in a worker. Like the command it is a host of `kiwame-core.wasm`, the very same file; hostile bytes are
//! parsed in there and nowhere here. The boundary is described in `kiwame-guest`.
#![cfg(target_family = "wasm")]
#![forbid(unsafe_code)]

mod sources;

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::WebAssembly::{Instance, Memory, Module};
use js_sys::{Array, Function, JsString, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::sources::{Sources, hex, sha256};

/// The core, checked and compiled.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Core {
    module: Module,
}

#[wasm_bindgen]
impl Core {
    /// Compiles the core, if it is the one of that digest.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array, pinned: &str) -> Result<Self, JsError> {
        let found = hex(&sha256(bytes));
        if found != pinned {
            return Err(JsError::new(&format!("the core's SHA-256 is {found}, should be {pinned}")));
        }
        let module = Module::new(bytes).map_err(|error| JsError::new(&text(&error)))?;
        Ok(Self { module })
    }

    /// Answers one request in a fresh instance. `sources` holds a `Uint8Array` or a `Blob` for each source of the
    /// request; `progress` is called with two numbers. Gives `{exit, outputs}`.
    pub fn run(&self, request: &str, sources: &Array, progress: &Function) -> Result<JsValue, JsError> {
        let host = Rc::new(Host {
            sources: Sources::new(sources)?,
            memory: RefCell::new(None),
            last_words: RefCell::new(None),
            progress: progress.clone(),
        });
        let imports = Imports::new(&host);
        host.run(&self.module, &imports.object, request).map_err(|error| {
            let words = host.last_words.borrow_mut().take();
            JsError::new(&words.unwrap_or_else(|| text(&error)))
        })
    }
}

/// What the imports of one instance can reach.
#[derive(Debug)]
struct Host {
    sources: Sources,
    memory: RefCell<Option<Memory>>,
    last_words: RefCell<Option<String>>,
    progress: Function,
}

impl Host {
    fn run(&self, module: &Module, imports: &Object, request: &str) -> Result<JsValue, JsValue> {
        let instance = Instance::new(module, imports)?;
        let exports = instance.exports();
        let memory: Memory = Reflect::get(&exports, &"memory".into())?.dyn_into()?;
        *self.memory.borrow_mut() = Some(memory);

        let request = request.as_bytes();
        let length = number(u32::try_from(request.len()).unwrap_or(u32::MAX));
        let alloc: Function = Reflect::get(&exports, &"alloc".into())?.dyn_into()?;
        let address = unsigned(&alloc.call1(&JsValue::UNDEFINED, &length)?);
        self.window(address, request.len() as u32)?.copy_from(request);
        let run: Function = Reflect::get(&exports, &"run".into())?.dyn_into()?;
        let response = run.call2(&JsValue::UNDEFINED, &number(address), &length)?;
        self.response(unsigned(&response))
    }

    /// `exit, count`, then four words for each output.
    fn response(&self, address: u32) -> Result<JsValue, JsValue> {
        let word = |index: u32| self.word(address.wrapping_add(index.wrapping_mul(4)));
        let outputs = Object::new();
        for first in (0..word(1)?.min(16)).map(|number| 2 + 4 * number) {
            let name = self.window(word(first)?, word(first + 1)?)?.to_vec();
            // A copy: the memory goes away with the instance.
            let bytes = self.window(word(first + 2)?, word(first + 3)?)?.slice(0, u32::MAX);
            Reflect::set(&outputs, &String::from_utf8_lossy(&name).as_ref().into(), &bytes)?;
        }
        let result = Object::new();
        Reflect::set(&result, &"exit".into(), &number(word(0)?))?;
        Reflect::set(&result, &"outputs".into(), &outputs)?;
        Ok(result.into())
    }

    /// A view of the core's memory. Never kept: it is void as soon as that memory grows.
    fn window(&self, address: u32, length: u32) -> Result<Uint8Array, JsValue> {
        let memory = self.memory.borrow();
        let memory =
            memory.as_ref().ok_or_else(|| JsValue::from_str("the core called before it was started"))?;
        let whole = Uint8Array::new(&memory.buffer());
        match address.checked_add(length) {
            Some(end) if end <= whole.length() => Ok(whole.subarray(address, end)),
            _ => Err(JsValue::from_str("an address lies outside of the core's memory")),
        }
    }

    fn word(&self, address: u32) -> Result<u32, JsValue> {
        let mut bytes = [0; 4];
        self.window(address, 4)?.copy_to(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn read(&self, source: u32, offset: u64, into: u32, length: u32) -> Result<u32, JsValue> {
        let into = self.window(into, length)?;
        Ok(self.sources.read(source, offset, &into).is_none().into())
    }

    fn digest(&self, algorithm: u32, parts: u32, count: u32, into: u32) -> Result<u32, JsValue> {
        let mut hasher =
            sources::Hasher::new(algorithm).ok_or("the core asked for an unknown digest algorithm")?;
        for index in 0..count {
            let mut record = [0; 24];
            self.window(parts.wrapping_add(index.wrapping_mul(24)), 24)?.copy_to(&mut record);
            if self.part(&record, &mut hasher)?.is_none() {
                return Ok(1);
            }
        }
        let digest = hasher.finish();
        self.window(into, digest.len() as u32)?.copy_from(&digest);
        Ok(0)
    }

    /// Hashes one part; `None` when a source has no such bytes.
    fn part(&self, record: &[u8; 24], hasher: &mut sources::Hasher) -> Result<Option<()>, JsValue> {
        let (words, _) = record.as_chunks::<4>();
        let [kind, source, low, high, length_low, length_high] = words else { return Ok(None) };
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        let long = |low, high| u64::from(word(low)) | u64::from(word(high)) << 32;
        match word(kind) {
            0 => Ok(self.sources.hash(word(source), long(low, high), long(length_low, length_high), hasher)),
            _ => {
                hasher.feed(&self.window(word(low), word(length_low))?);
                Ok(Some(()))
            }
        }
    }

    fn log(&self, address: u32, length: u32) -> Result<(), JsValue> {
        let words = self.window(address, length.min(4096))?.to_vec();
        *self.last_words.borrow_mut() = Some(String::from_utf8_lossy(&words).into_owned());
        Ok(())
    }
}

/// The four functions that the core may call. They live as long as this value.
struct Imports {
    object: Object,
    #[expect(
        clippy::type_complexity,
        dead_code,
        reason = "held, not used: dropping a closure makes its function void"
    )]
    closures: (
        Closure<dyn Fn(u32, u64, u32, u32) -> Result<u32, JsValue>>,
        Closure<dyn Fn(u32, u32, u32, u32) -> Result<u32, JsValue>>,
        Closure<dyn Fn(u64, u64) -> Result<(), JsValue>>,
        Closure<dyn Fn(u32, u32) -> Result<(), JsValue>>,
    ),
}

impl Imports {
    fn new(host: &Rc<Host>) -> Self {
        let (reader, hasher, teller, listener) = (host.clone(), host.clone(), host.clone(), host.clone());
        let read =
            Closure::new(move |source, offset, into, length| reader.read(source, offset, into, length));
        let digest =
            Closure::new(move |algorithm, parts, count, into| hasher.digest(algorithm, parts, count, into));
        let progress = Closure::new(move |done: u64, total: u64| {
            let (done, total) = (JsValue::from_f64(done as f64), JsValue::from_f64(total as f64));
            teller.progress.call2(&JsValue::UNDEFINED, &done, &total).map(drop)
        });
        let log = Closure::new(move |address, length| listener.log(address, length));

        let (object, kiwame) = (Object::new(), Object::new());
        let functions: [(&str, &JsValue); 4] = [
            ("read", read.as_ref()),
            ("digest", digest.as_ref()),
            ("progress", progress.as_ref()),
            ("log", log.as_ref()),
        ];
        for (name, function) in functions {
            // Setting a field of a fresh object cannot fail.
            let _ = Reflect::set(&kiwame, &name.into(), function);
        }
        let _ = Reflect::set(&object, &"kiwame".into(), &kiwame);
        Self { object, closures: (read, digest, progress, log) }
    }
}

fn number(value: u32) -> JsValue {
    JsValue::from_f64(value.into())
}

/// WebAssembly hands an i32 to JavaScript with its sign.
fn unsigned(value: &JsValue) -> u32 {
    value.as_f64().unwrap_or_default() as i64 as u32
}

fn text(error: &JsValue) -> String {
    let message =
        Reflect::get(error, &"message".into()).ok().and_then(|message| message.dyn_into::<JsString>().ok());
    message.map(String::from).or_else(|| error.as_string()).unwrap_or_else(|| "unknown error".to_owned())
}
