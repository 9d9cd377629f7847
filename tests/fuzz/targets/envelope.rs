//! The frame around a snapshot: what was sealed opens, and nothing else does.

use migrations::envelope::{HEADER_SIZE_BYTES, MAGIC, open, seal};

pub(super) fn target(bytes: &[u8]) {
    if let Ok(opened) = open(bytes, u32::MAX) {
        assert!(bytes.starts_with(&MAGIC) && bytes.len() >= HEADER_SIZE_BYTES);
        whole_or_refused(bytes, bytes);
        let again = seal(opened.format_version, &opened.content).expect("content compresses");
        assert_eq!(open(&again, u32::MAX).expect("sealed just now"), opened);
    }
    let file = seal(1, bytes).expect("content compresses");
    assert_eq!(open(&file, 1).expect("sealed just now").content, bytes);
    open(&file, 0).expect_err("of a newer version");
    whole_or_refused(&file, bytes);
}

/// Neither a shorter nor a longer file opens, nor one of which a byte differs. Which ones are
/// tried, of the many, `choice` decides.
fn whole_or_refused(file: &[u8], choice: &[u8]) {
    let length = file.len();
    let choice = choice.iter().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte)).wrapping_add(1)
    });
    let mask = (choice / length) as u8 | 1;
    let header = 0..HEADER_SIZE_BYTES.min(length);
    for at in header.chain([choice % length, length - 1]) {
        let mut damaged = file.to_vec();
        damaged[at] ^= mask;
        open(&damaged, u32::MAX).expect_err("a byte differs");
    }
    open(&file[..choice % length], u32::MAX).expect_err("it is cut short");
    open(&[file, &[mask]].concat(), u32::MAX).expect_err("something was appended");
}
