//! What an input cost: time on the processor, and memory. Both are bounded by the input's size and the limits, so a
//! small input that costs much is a find.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counts what is allocated. The system's allocator does the work.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new exist at one time.
        grow(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn grow(size: usize) {
    PEAK.fetch_max(LIVE.fetch_add(size, Relaxed) + size, Relaxed);
}

/// The state before an input.
pub struct Before {
    live: usize,
    wall: Instant,
    busy: Duration,
}

impl Before {
    /// Looks at the clock and at the memory in use.
    pub fn new() -> Self {
        let live = LIVE.load(Relaxed);
        PEAK.store(live, Relaxed);
        Self { live, wall: Instant::now(), busy: busy() }
    }

    /// Panics when the input of that length, in so many runs, cost more than it may.
    pub fn check(self, length: usize, runs: u32) {
        let memory = PEAK.load(Relaxed).saturating_sub(self.live);
        // Whole runs hold trees, manifests and reports side by side.
        assert!(memory < MEMORY * runs.max(1) as usize, "{length} bytes took {memory} bytes of memory");
        self.within(TIME * runs.max(1), length);
    }

    fn within(self, allowed: Duration, length: usize) {
        // Others use this machine too, so that only time on the processor counts; it costs more to ask for.
        if self.wall.elapsed() > allowed {
            let busy = busy().saturating_sub(self.busy);
            assert!(busy < allowed, "{length} bytes took {busy:?}");
        }
    }
}

/// Panics when recognising a head of that length takes long: whoever searches an image does that at every 4 KiB of it.
pub fn check_probe(length: usize, probe: impl Fn()) {
    let wall = Instant::now();
    probe();
    if wall.elapsed() > PROBE {
        // Again, with the other clock.
        let before = Before::new();
        probe();
        before.within(PROBE, length);
    }
}

/// How long this thread was on a processor. Linux only; nothing elsewhere, where `-timeout` remains.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// For up to 64 KiB, in a build that checks everything and counts every branch.
const TIME: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_millis(100);
/// Three times the live spaces of `trees::limits`, and 2.5 KiB for each region.
const MEMORY: usize = (3 * 6 << 20) + 20_000 * 2560;
