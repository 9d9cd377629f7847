//! What of a family has an age: sliding windows, and the sketches of summaries.

use std::sync::Arc;

use super::{Family, Values};
use crate::model::{ClockStep, Timestamp};
use crate::store::decaying_window::DecayingWindow;
use crate::store::summary::Window;

impl Family {
    /// The clock was set: everything stays as old as it is.
    pub(in crate::store) fn move_ages(&mut self, step: ClockStep) {
        self.change_ages(|window| window.moved(step), |window| window.moved(step));
    }

    /// Nothing is younger than if it had come now.
    pub(in crate::store) fn cap_ages(&mut self, now: Timestamp) {
        self.change_ages(|window| window.capped(now), |window| window.capped(now));
    }

    /// The rows that change are part of the next snapshot.
    fn change_ages(
        &mut self,
        window: impl Fn(&DecayingWindow) -> Option<DecayingWindow>,
        sketches: impl Fn(&Window) -> Option<Window>,
    ) {
        let mut changed = self.windows.change(|one| window(one).map(Arc::new));
        if let Values::Summaries { windows, .. } = &mut self.values {
            for (row, one) in windows.iter_mut().enumerate() {
                if let Some(after) = sketches(one) {
                    *one = Arc::new(after);
                    changed.push(row);
                }
            }
        }
        changed.into_iter().for_each(|row| self.changes.note(row));
    }
}
