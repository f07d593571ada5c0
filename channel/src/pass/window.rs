//! Which numbers were used: the newest, and some before it, since requests on one connection overtake each other.

/// How far a number may be behind the newest: more than are under way on one connection.
const BEHIND_MAX: u64 = 4_096;
const WORD_BITS: u64 = 64;
const WORDS: usize = (BEHIND_MAX / WORD_BITS) as usize;

/// Takes each number once. Numbers begin at 1.
#[derive(Clone, Debug)]
pub struct Window {
    newest: u64,
    /// Of the numbers from `newest - BEHIND_MAX + 1` on, by their remainder.
    used: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self { newest: 0, used: [0; WORDS] }
    }
}

impl Window {
    /// Whether `number` was not used before; it is now. Too old ones count as used.
    pub fn takes(&mut self, number: u64) -> bool {
        if number == 0 || number.saturating_add(BEHIND_MAX) <= self.newest {
            return false;
        }
        if number > self.newest {
            self.forget_up_to(number);
            self.newest = number;
        }
        let (word, bit) = place(number);
        let fresh = self.used[word] & bit == 0;
        self.used[word] |= bit;
        fresh
    }

    fn forget_up_to(&mut self, number: u64) {
        if number - self.newest >= BEHIND_MAX {
            self.used = [0; WORDS];
            return;
        }
        for passed in self.newest + 1..=number {
            let (word, bit) = place(passed);
            self.used[word] &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let at = number % BEHIND_MAX;
    ((at / WORD_BITS) as usize, 1 << (at % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_is_taken_once_in_whatever_order_and_old_ones_never() {
        let mut window = Window::default();
        assert!(!window.takes(0));
        assert!(window.takes(3) && window.takes(1) && !window.takes(3) && window.takes(2) && !window.takes(1));
        assert!(window.takes(BEHIND_MAX + 3) && !window.takes(3) && window.takes(4));
        assert!(window.takes(u64::MAX) && !window.takes(u64::MAX) && !window.takes(BEHIND_MAX + 4));
    }

    #[test]
    fn the_window_agrees_with_a_set_that_forgets_nothing() {
        let (mut window, mut used, mut seed) = (Window::default(), BTreeSet::new(), 7u64);
        for _ in 0..50_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let newest: u64 = used.last().copied().unwrap_or(0);
            let number = (newest + 40).saturating_sub((seed >> 33) % 5_000).max(1);
            let in_window = number + BEHIND_MAX > newest;
            let expected = in_window && !used.contains(&number);
            assert_eq!(window.takes(number), expected, "{number} after {newest}");
            if expected {
                used.insert(number);
            }
        }
    }
}
