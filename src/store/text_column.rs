//! Append-only texts in shared chunks.
//!
//! Label texts never change once a series exists, so a copy of the state shares
//! them: a clone copies one pointer per 1,024 texts. Only the last chunk is
//! ever written; when a clone still holds it, the first push afterwards copies
//! that one chunk and nothing else.

use std::sync::Arc;

use crate::model::labels;

/// Texts per chunk: a power of two, so that a row splits into chunk and place by bits.
const CHUNK_ROWS: usize = 1024;

/// So many bytes a text may have, as places within a chunk have 32 bits.
pub(super) const LONGEST_TEXT: usize = u32::MAX as usize / CHUNK_ROWS;

/// Append-only column of texts; clones share all chunks.
#[derive(Clone, Debug, Default)]
pub struct TextColumn {
    /// All full but the last.
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    text: String,
    /// Where each row's text ends; it starts where the row before it ends.
    ends: Vec<u32>,
    /// Known here, as to look for it in a million texts takes a while.
    has_quoted_names: bool,
}

impl Chunk {
    fn get(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.text[start as usize..self.ends[place] as usize]
    }

    fn push(&mut self, text: &str) {
        self.has_quoted_names |= labels::has_quoted_names(text);
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).expect("no text is longer than LONGEST_TEXT");
        self.ends.push(end);
        if self.ends.len() == CHUNK_ROWS {
            self.text.shrink_to_fit();
        }
    }
}

impl AsRef<str> for Chunk {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl TextColumn {
    pub fn push(&mut self, text: &str) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.ends.len() < CHUNK_ROWS => Arc::make_mut(chunk).push(text),
            _ => {
                let mut chunk = Chunk::default();
                chunk.push(text);
                self.chunks.push(Arc::new(chunk));
            }
        }
    }

    /// The text of a row; panics when there is no such row.
    pub fn get(&self, row: usize) -> &str {
        self.chunks[row / CHUNK_ROWS].get(row % CHUNK_ROWS)
    }

    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK_ROWS + last.ends.len())
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether any of the texts, read as labels, has a quoted name.
    pub fn has_quoted_names(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.has_quoted_names)
    }

    /// All texts, one after the other, in pieces that whole texts make up.
    pub fn pieces(&self) -> impl Iterator<Item = Arc<dyn AsRef<str> + Send + Sync>> {
        self.chunks.iter().map(|chunk| Arc::clone(chunk) as Arc<_>)
    }

    /// All texts, in row order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.chunks.iter().flat_map(|chunk| (0..chunk.ends.len()).map(|place| chunk.get(place)))
    }
}

impl<'a> FromIterator<&'a str> for TextColumn {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut column = Self::default();
        for text in texts {
            column.push(text);
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: usize) -> Vec<String> {
        // Every 7th is empty: series without labels.
        (0..count).map(|n| if n % 7 == 0 { String::new() } else { format!("n=\"{n}ü\"") }).collect()
    }

    #[test]
    fn returns_what_was_pushed_across_chunks() {
        for count in [0, 1, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS + 5] {
            let texts = texts(count);
            let column: TextColumn = texts.iter().map(String::as_str).collect();
            assert_eq!(column.len(), count);
            assert_eq!(column.is_empty(), count == 0);
            assert!(column.iter().eq(texts.iter().map(String::as_str)));
            let pieces: Vec<_> = column.pieces().collect();
            let joined: String = pieces.iter().map(|piece| (**piece).as_ref()).collect();
            assert_eq!((pieces.len(), joined), (count.div_ceil(CHUNK_ROWS), texts.concat()));
            for (row, text) in texts.iter().enumerate() {
                assert_eq!(column.get(row), text);
            }
        }
    }

    #[test]
    fn a_clone_shares_full_chunks_and_does_not_see_later_pushes() {
        let texts = texts(CHUNK_ROWS + 3);
        let mut column: TextColumn = texts.iter().map(String::as_str).collect();
        let clone = column.clone();
        column.push("later=\"1\"");
        assert_eq!(clone.len(), CHUNK_ROWS + 3);
        assert!(clone.iter().eq(texts.iter().map(String::as_str)));
        assert_eq!(column.get(CHUNK_ROWS + 3), "later=\"1\"");
        assert!(Arc::ptr_eq(&column.chunks[0], &clone.chunks[0]));
        assert!(!Arc::ptr_eq(&column.chunks[1], &clone.chunks[1]));
    }
}
