//! Computes NaNs: their bits differ between machines unless the engine makes them the same.

use std::hint::black_box;

/// The bits of NaNs that were computed at run time, in hexadecimal.
#[libos::tool]
fn nan_probe() -> Vec<String> {
    let (zero, payload) = (black_box(0.0_f64), black_box(f64::from_bits(0x7ff4_0000_dead_beef)));
    let (narrow_zero, narrow) = (black_box(0.0_f32), black_box(f32::from_bits(0x7fa0_beef)));
    let wide = [
        zero / black_box(0.0),
        -(zero / black_box(0.0)),
        black_box(-1.0_f64).sqrt(),
        black_box(f64::INFINITY) - black_box(f64::INFINITY),
        payload + 1.0,
        payload * zero,
        payload.floor(),
        f64::from(narrow),
    ];
    let small = [narrow_zero / black_box(0.0), narrow + 1.0, payload as f32, narrow.sqrt()];
    assert!(wide.iter().all(|number| number.is_nan()) && small.iter().all(|number| number.is_nan()));
    let wide = wide.iter().map(|number| format!("{:016x}", number.to_bits()));
    wide.chain(small.iter().map(|number| format!("{:08x}", number.to_bits()))).collect()
}
