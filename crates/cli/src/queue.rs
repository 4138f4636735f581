//! Many things done by several threads, and handed on one by one in their order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How much finished work may wait for what comes before it. A report of the largest kind fits; once there is more,
/// nothing but the work that all of it waits for is begun.
pub(crate) const WAITING: usize = 64 << 20;

/// What a result takes while it waits.
pub(crate) trait Weight {
    /// Bytes, roughly.
    fn weight(&self) -> usize;
}

/// Does `work` for each number below `count`, `jobs` of them at a time, and gives each result to `deliver`, in order
/// and as soon as those before it are delivered. With one job everything happens on the thread that calls.
pub(crate) fn in_order<T: Weight + Send>(
    jobs: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    deliver: impl FnMut(T) + Send,
) {
    let queue = Queue { count, state: Mutex::new(State::new(deliver)), moved: Condvar::new() };
    let worker = || {
        while let Some(number) = queue.take() {
            queue.finish(number, work(number));
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.min(count) {
            // Where no further thread is to be had, those that there are do all of it.
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
}

struct Queue<T, D> {
    count: usize,
    state: Mutex<State<T, D>>,
    /// Told whenever something was delivered.
    moved: Condvar,
}

struct State<T, D> {
    /// The next number that nobody works on.
    next: usize,
    /// The number that is delivered next; all before it are.
    front: usize,
    waiting: BTreeMap<usize, T>,
    /// Of all that is waiting.
    weight: usize,
    deliver: D,
}

impl<T: Weight, D: FnMut(T)> Queue<T, D> {
    /// A number to work on, as soon as there is room for its result; none when all are taken.
    fn take(&self) -> Option<usize> {
        let full = |state: &mut State<T, D>| state.next < self.count && !state.has_room();
        let mut state = self.moved.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += usize::from(number < self.count);
        (number < self.count).then_some(number)
    }

    /// Delivers a result and those that waited for it, or has it wait.
    fn finish(&self, number: usize, result: T) {
        self.state().finish(number, result);
        self.moved.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T, D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Weight, D: FnMut(T)> State<T, D> {
    fn new(deliver: D) -> Self {
        Self { next: 0, front: 0, waiting: BTreeMap::new(), weight: 0, deliver }
    }

    /// What everything waits for always has room.
    fn has_room(&self) -> bool {
        self.next == self.front || self.weight < WAITING
    }

    fn finish(&mut self, number: usize, result: T) {
        self.weight += result.weight();
        self.waiting.insert(number, result);
        while let Some(result) = self.waiting.remove(&self.front) {
            self.weight -= result.weight();
            self.front += 1;
            (self.deliver)(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    struct Made(usize, usize);

    impl Weight for Made {
        fn weight(&self) -> usize {
            self.1
        }
    }

    /// Waits until the condition holds; a queue that never gets there fails instead of hanging.
    fn wait_for(condition: impl Fn() -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while !condition() && Instant::now() < end {
            thread::yield_now();
        }
        condition()
    }

    #[test]
    fn what_is_finished_early_waits_for_its_turn() {
        let (done, mut delivered) = (AtomicUsize::new(0), Vec::new());
        let work = |number| {
            // The first ends last: only with a second thread do the others get done meanwhile.
            assert!(number != 0 || wait_for(|| done.load(Ordering::SeqCst) == 99));
            done.fetch_add(1, Ordering::SeqCst);
            Made(number, 1)
        };
        in_order(3, 100, work, |made| delivered.push(made.0));
        assert_eq!(delivered, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_begun_while_too_much_waits() {
        let (begun, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut delivered = 0;
        let work = |number| {
            begun.fetch_add(1, Ordering::SeqCst);
            if number == 0 {
                assert!(wait_for(|| begun.load(Ordering::SeqCst) == 3));
                thread::sleep(Duration::from_millis(50));
                most.store(begun.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Made(number, WAITING / 2)
        };
        in_order(2, 100, work, |_| delivered += 1);
        assert_eq!((most.into_inner(), delivered), (3, 100), "two halves, and what they wait for");
    }

    #[test]
    fn one_job_takes_turns_and_no_work_is_none() {
        let log = Mutex::new(Vec::new());
        let note = |number, what| log.lock().unwrap().push((number, what));
        let work = |number| {
            note(number, "begun");
            Made(number, 0)
        };
        in_order(1, 2, work, |made| note(made.0, "delivered"));
        in_order(4, 0, work, |made| note(made.0, "delivered"));
        let expected = [(0, "begun"), (0, "delivered"), (1, "begun"), (1, "delivered")];
        assert_eq!(*log.lock().unwrap(), expected);
    }
}
