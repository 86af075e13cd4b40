//! Waves and noise without libm, so that pictures are the same bytes everywhere.

/// Sine of `turns` full turns, within 0.0012 (a parabola with one correction step).
pub(crate) fn sine(turns: f32) -> f32 {
    let t = turns - turns.floor();
    let t = if t >= 0.5 { t - 1.0 } else { t };
    let raw = 8.0 * t - 16.0 * t * t.abs();
    0.225 * (raw * raw.abs() - raw) + raw
}

/// Smooth noise in 0–1 over the plane: random values on the integer grid, blended.
pub(crate) fn value_noise(seed: u32, x: f32, y: f32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let at = |dx: i32, dy: i32| lattice(seed, ix.wrapping_add(dx), iy.wrapping_add(dy));
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * tx;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * tx;
    top + (bottom - top) * ty
}

fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
}

#[cfg(test)]
mod tests {
    use super::{sine, value_noise};

    #[test]
    fn sine_is_close_to_the_real_one() {
        for step in -400..400 {
            let turns = step as f32 / 100.0;
            let real = (f64::from(turns) * std::f64::consts::TAU).sin();
            assert!((f64::from(sine(turns)) - real).abs() < 0.0012, "{turns}");
        }
    }

    #[test]
    fn noise_is_continuous_and_bounded() {
        let mut last = value_noise(5, 0.0, 0.3);
        for step in 1..1_000 {
            let now = value_noise(5, step as f32 / 50.0, 0.3);
            assert!((0.0..=1.0).contains(&now));
            assert!((now - last).abs() < 0.05);
            last = now;
        }
    }
}
