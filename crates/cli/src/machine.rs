//! What the machine has: how many runs at once it can take.

use std::fs;
use std::num::NonZeroUsize;
use std::thread;

/// Where a container has its limit, in both versions of control groups.
const CONTAINER: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// How many runs of `each` bytes go at once unless somebody said so: one for each core, within a quarter of the
/// memory.
pub(crate) fn jobs(each: u64) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match memory() {
        Some(memory) => cores.min(within(memory, each)),
        // Without knowing better: what was always done.
        None => 1,
    }
}

fn within(memory: u64, each: u64) -> usize {
    usize::try_from(memory / 4 / each).unwrap_or(usize::MAX).max(1)
}

/// Bytes of memory, or of what a container may have of it; none where nobody says so (other systems than Linux).
fn memory() -> Option<u64> {
    let all = total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let files = CONTAINER.iter().filter_map(|file| fs::read_to_string(file).ok());
    let allowed = files.filter_map(|text| text.trim().parse::<u64>().ok()).min();
    Some(allowed.map_or(all, |allowed| allowed.min(all)))
}

/// `MemTotal`; Linux, Documentation/filesystems/proc.rst, section 1.2.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_bounds_the_jobs() {
        const GIB: u64 = 1 << 30;
        assert_eq!(within(64 * GIB, GIB), 16);
        assert_eq!(within(8 * GIB - 1, GIB), 1);
        assert_eq!(within(GIB, GIB), 1, "less than one is none");
    }

    #[test]
    fn the_memory_is_what_linux_says() {
        assert_eq!(total("MemTotal:       24683968 kB\nMemFree: 1 kB\n"), Some(24_683_968 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: many kB\n"), None);
    }
}
