//! Panics of a run: tokio keeps those of tasks to itself, and P11 forbids them.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From here on, panics on this thread are kept.
pub(crate) fn begin() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            SEEN.with_borrow_mut(|seen| seen.push(panic.to_string()));
            before(panic);
        }));
    });
    drop(take());
}

/// Those since the last call.
pub(crate) fn take() -> Vec<String> {
    SEEN.take()
}
