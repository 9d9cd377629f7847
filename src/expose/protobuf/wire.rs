//! Protobuf's wire format, written to bytes or merely measured.

/// Takes fields.
pub(super) trait Sink {
    /// Nobody will read the values: only how many bytes they take matters.
    const MEASURES: bool;

    fn put(&mut self, bytes: &[u8]);

    /// A field that is a message of its own: what `body` writes, after its length. Packed numbers
    /// are written in the same way.
    fn message(&mut self, field: u32, body: impl FnOnce(&mut Self));

    fn varint(&mut self, value: u64) {
        // Tags and most lengths: worth a branch.
        if value < 0x80 {
            return self.put(&[value as u8]);
        }
        let (bytes, length) = varint(value);
        self.put(&bytes[..length]);
    }

    /// A signed number, small where its magnitude is.
    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn uint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    fn sint(&mut self, field: u32, value: i64) {
        self.tag(field, VARINT);
        self.zigzag(value);
    }

    /// Zero has no sign, as in text.
    fn double(&mut self, field: u32, value: f64) {
        self.tag(field, FIXED_64);
        self.put(&(value + 0.0).to_le_bytes());
    }

    fn string(&mut self, field: u32, text: &str) {
        self.tag(field, DELIMITED);
        self.varint(text.len() as u64);
        self.put(text.as_bytes());
    }
}

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const DELIMITED: u32 = 2;

/// The bytes of a varint, and how many they are.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut length = 0;
    loop {
        bytes[length] = (value & 0x7f) as u8;
        value >>= 7;
        length += 1;
        if value == 0 {
            return (bytes, length);
        }
        bytes[length - 1] |= 0x80;
    }
}

/// How many bytes would have been written.
#[derive(Default)]
pub(super) struct Length(pub(super) u64);

impl Sink for Length {
    const MEASURES: bool = true;

    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }

    fn message(&mut self, field: u32, body: impl FnOnce(&mut Self)) {
        self.tag(field, DELIMITED);
        let before = self.0;
        body(self);
        let (_, prefix) = varint(self.0 - before);
        self.0 += prefix as u64;
    }
}

impl Sink for Vec<u8> {
    const MEASURES: bool = false;

    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    /// Most messages are so short that one byte holds their length; the few others are moved.
    fn message(&mut self, field: u32, body: impl FnOnce(&mut Self)) {
        self.tag(field, DELIMITED);
        let prefix_at = self.len();
        self.push(0);
        let start = self.len();
        body(self);
        let end = self.len();
        if end - start < 0x80 {
            self[prefix_at] = (end - start) as u8;
            return;
        }
        let (prefix, length) = varint((end - start) as u64);
        self.extend_from_slice(&prefix[1..length]);
        self.copy_within(start..end, prefix_at + length);
        self[prefix_at..prefix_at + length].copy_from_slice(&prefix[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(sink: &mut impl Sink, depth: u32) {
        sink.uint(1, 300);
        sink.sint(2, -65);
        sink.double(3, 0.5);
        sink.string(16, "ü");
        if depth > 0 {
            sink.message(4, |inner| nested(inner, depth - 1));
        }
    }

    #[test]
    fn what_is_measured_is_what_is_written_however_long() {
        for depth in 0..1_500 {
            let (mut length, mut bytes) = (Length::default(), Vec::new());
            nested(&mut length, depth);
            nested(&mut bytes, depth);
            assert_eq!(length.0, bytes.len() as u64, "{depth}");
        }
    }

    #[test]
    fn fields_are_as_the_format_says() {
        let mut bytes = Vec::new();
        nested(&mut bytes, 0);
        let expected = b"\x08\xac\x02\x10\x81\x01\x19\0\0\0\0\0\0\xe0\x3f\x82\x01\x02\xc3\xbc";
        assert_eq!(bytes, expected);
        let mut outer = Vec::new();
        outer.message(1, |inner| inner.put(&[7; 200]));
        assert_eq!(outer[..3], [0x0a, 200, 1]);
        assert_eq!(outer[3..], [7; 200]);
    }
}
