//! `SLUID`: what tells a job from every other, also from one that bears its id years later. 64 bits, written so that texts sort
//! as numbers do: `s`, and 13 digits of Crockford's base 32.

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 64 bits need so many digits of five.
const DIGITS_EACH: u32 = 13;

/// The text of `uid`: 14 characters.
pub fn sluid(uid: u64) -> String {
    let digit = |place: u32| char::from(DIGITS[(uid >> (5 * place) & 31) as usize]);
    std::iter::once('s').chain((0..DIGITS_EACH).rev().map(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_sort_as_numbers_do() {
        assert_eq!(sluid(0), "s0000000000000");
        assert_eq!(sluid(1_027), "s0000000000103");
        assert_eq!(sluid(u64::MAX), "sFZZZZZZZZZZZZ");
        let numbers = [0, 31, 32, 1 << 40, u64::MAX];
        assert!(numbers.map(sluid).is_sorted());
    }
}
