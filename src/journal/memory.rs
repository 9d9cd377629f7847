//! A journal without a disk: for gateways whose pushes need not outlive the process.

use std::collections::VecDeque;

use super::JournalSize;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The number of the oldest record.
    first: u64,
    records: VecDeque<Vec<u8>>,
    size_bytes: u64,
}

impl Memory {
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    pub(super) fn append(&mut self, records: &[Vec<u8>]) -> u64 {
        let first = self.next();
        self.size_bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
        self.records.extend(records.iter().cloned());
        first
    }

    pub(super) fn read(&self, from: u64, about_bytes: usize) -> Vec<(u64, Vec<u8>)> {
        let from = from.max(self.first);
        let skipped = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let mut taken = 0;
        (from..)
            .zip(self.records.iter().skip(skipped))
            .take_while(|(_, record)| {
                let room = taken == 0 || taken < about_bytes;
                taken += record.len().max(1);
                room
            })
            .map(|(number, record)| (number, record.clone()))
            .collect()
    }

    pub(super) fn release(&mut self, next_needed: u64) {
        while self.first < next_needed
            && let Some(record) = self.records.pop_front()
        {
            self.first += 1;
            self.size_bytes -= record.len() as u64;
        }
    }

    pub(super) fn skip_to(&mut self, next: u64) {
        if next > self.next() {
            *self = Self { first: next, ..Self::default() };
        }
    }

    pub(super) fn size(&self) -> JournalSize {
        JournalSize { records: self.records.len() as u64, size_bytes: self.size_bytes, segments: 0 }
    }
}
