//! Room on the machine: worlds run side by side, except one whose times count.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many worlds there are; `None` while one runs alone.
static WORLDS: Mutex<Option<u32>> = Mutex::new(Some(0));
static CHANGED: Condvar = Condvar::new();

/// Room for one world, given back when dropped.
#[derive(Debug)]
pub struct Place {
    alone: bool,
}

impl Place {
    /// Room beside others.
    pub fn shared() -> Self {
        take(|worlds| worlds.map(|count| Some(count + 1)));
        Self { alone: false }
    }

    /// Room for one only; waits until there is no other.
    pub fn alone() -> Self {
        take(|worlds| (*worlds == Some(0)).then_some(None));
        Self { alone: true }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let alone = self.alone;
        take(|worlds| Some(if alone { Some(0) } else { worlds.map(|count| count - 1) }));
        CHANGED.notify_all();
    }
}

/// Waits until `change` says what becomes of the count.
fn take(change: impl Fn(&Option<u32>) -> Option<Option<u32>>) {
    let mut worlds = WORLDS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(changed) = change(&worlds) {
            *worlds = changed;
            return;
        }
        worlds = CHANGED.wait(worlds).unwrap_or_else(PoisonError::into_inner);
    }
}
