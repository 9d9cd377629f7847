//! From a number to a place on an axis.

use super::Axis;

pub(super) struct Scale {
    axis: Axis,
    from: f64,
    to: f64,
    /// Places of `from` and `to`, in pixels.
    place: (f64, f64),
}

impl Scale {
    /// From the least number to the greatest.
    pub(super) fn exact(axis: Axis, numbers: &[f64], place: (f64, f64)) -> Self {
        let from = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let to = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { axis, from, to, place }
    }

    /// To round numbers; from zero, or from a power of ten.
    pub(super) fn round(axis: Axis, numbers: &[f64], place: (f64, f64)) -> Self {
        let Self { from, to, .. } = Self::exact(axis, numbers, place);
        match axis {
            Axis::Linear => {
                let step = step(to);
                Self { axis, from: 0.0, to: (to / step).ceil() * step, place }
            }
            Axis::Logarithmic => {
                let power = |exponent: f64| 10_f64.powf(exponent);
                let (from, to) = (power(from.log10().floor()), power(to.log10().ceil()));
                Self { axis, from, to: to.max(from * 10.0), place }
            }
        }
    }

    pub(super) fn at(&self, number: f64) -> f64 {
        let along = |number: f64| match self.axis {
            Axis::Linear => number,
            Axis::Logarithmic => number.log10(),
        };
        let (from, to) = (along(self.from), along(self.to));
        let share = if to > from { (along(number) - from) / (to - from) } else { 0.5 };
        self.place.0 + share * (self.place.1 - self.place.0)
    }

    pub(super) fn ticks(&self) -> Vec<f64> {
        let count = |ratio: f64| ratio.round() as i32;
        match self.axis {
            Axis::Linear => {
                let step = step(self.to);
                (0..=count(self.to / step)).map(|at| f64::from(at) * step).collect()
            }
            Axis::Logarithmic => {
                let decades = count((self.to / self.from).log10());
                (0..=decades).map(|at| self.from * 10_f64.powi(at)).collect()
            }
        }
    }
}

/// Between ticks of a linear axis: three to six of them.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    match most / power {
        0.0..1.5 => power / 4.0,
        1.5..3.0 => power / 2.0,
        3.0..6.0 => power,
        _ => power * 2.0,
    }
}
