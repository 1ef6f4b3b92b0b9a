//! Clocks in whole numbers: true time goes in ticks of ten units, and a clock of rate 9, 10 or 11 advances
//! by so many units a tick. ρ is 0.1, so each of them is within the bounds and two of them are at the bounds.

/// How many units a clock advances in one tick.
pub(crate) type Rate = u8;

/// Whether a lease of `lease` ticks that began `age` ticks ago is over on a sidecar's clock.
pub(crate) fn leased_out(age: u8, rate: Rate, lease: u8, shortened: bool) -> bool {
    let units = if shortened { 9 } else { 10 };
    u32::from(age) * u32::from(rate) >= u32::from(lease) * units
}

/// Whether L(1 + ρ) has passed on an authority's clock since `age` ticks ago.
pub(crate) fn certainly_over(age: u8, rate: Rate, lease: u8) -> bool {
    u32::from(age) * u32::from(rate) >= u32::from(lease) * 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_are_met_exactly() {
        for lease in 1..5 {
            assert!(leased_out(lease, 9, lease, true) && !leased_out(lease - 1, 9, lease, true), "the slow clock");
            assert!(certainly_over(lease, 11, lease) && !certainly_over(lease - 1, 11, lease), "the fast clock");
            assert!(!leased_out(lease, 9, lease, false), "without (1 − ρ) a slow clock holds on for too long");
        }
    }
}
