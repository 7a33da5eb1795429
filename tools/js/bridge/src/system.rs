//! What is not a promise for scripts: time, randomness and the log. They are closed until a call begins.

use crate::bindings::libos::runtime::{clock, random};
use std::cell::Cell;

thread_local! {
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// A call has begun: the system calls are there from now on. Never while the component is built, compiles or describes, so
/// nothing of then, neither time nor randomness, is in what a call begins with.
pub fn open() {
    OPEN.set(true);
}

/// Whether a call has begun.
pub fn is_open() -> bool {
    OPEN.get()
}

/// The host's time, in microseconds since 1970; 0 before a call has begun.
pub fn now_microseconds() -> f64 {
    let (seconds, nanoseconds) = now();
    seconds as f64 * 1e6 + f64::from(nanoseconds / 1000)
}

/// The host's time, in seconds and nanoseconds since 1970; 0 before a call has begun.
pub fn now() -> (u64, u32) {
    if !is_open() {
        return (0, 0);
    }
    let now = clock::now();
    (now.seconds, now.nanoseconds)
}

/// So many bytes of the host's randomness; `None` before a call has begun or if the host refuses.
pub fn random(count: u32) -> Option<Vec<u8>> {
    if is_open() { random::bytes(count).ok() } else { None }
}

/// A number from 0 to below 1 with 53 random bits, of a stream that begins with the host's randomness in each call; 0 before a
/// call has begun. The generator is xoshiro256++ (Blackman and Vigna, 2019).
pub fn random_number() -> f64 {
    if !is_open() {
        return 0.0;
    }
    STREAM.with(|stream| {
        let mut state = stream.get().unwrap_or_else(seed);
        let bits = xoshiro(&mut state);
        stream.set(Some(state));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    })
}

thread_local! {
    static STREAM: Cell<Option<[u64; 4]>> = const { Cell::new(None) };
}

fn seed() -> [u64; 4] {
    let mut state = [0; 4];
    let bytes = random(32).unwrap_or_default();
    for (word, bytes) in state.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    state
}

fn xoshiro(state: &mut [u64; 4]) -> u64 {
    let [a, b, c, d] = *state;
    let answer = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
    let (c, d) = (c ^ a, d ^ b);
    *state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
    answer
}

#[cfg(test)]
mod tests {
    use super::xoshiro;

    #[test]
    fn the_generator_gives_the_numbers_of_its_authors() {
        let mut state = [1, 2, 3, 4];
        let given: Vec<u64> = (0..4).map(|_| xoshiro(&mut state)).collect();
        assert_eq!(given, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }
}
