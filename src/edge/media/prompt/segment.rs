//! A piece of encoded audio and what follows it.

use std::sync::{Arc, OnceLock};

/// A piece. The next one is set once, when it was made.
#[derive(Debug, Default)]
pub(in super::super) struct Segment {
    octets: Box<[u8]>,
    next: OnceLock<Next>,
}

/// What follows a piece.
#[derive(Debug, Clone)]
pub(in super::super) enum Next {
    /// Another piece.
    Segment(Arc<Segment>),
    /// Nothing.
    End,
}

impl Segment {
    pub(in super::super) fn new(octets: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { octets: octets.into(), next: OnceLock::new() })
    }

    /// A piece that is the last.
    pub(in super::super) fn last(octets: Vec<u8>) -> Arc<Self> {
        let segment = Self::new(octets);
        segment.follow(Next::End);
        segment
    }

    pub(in super::super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What follows; none: it is still being made.
    pub(in super::super) fn next(&self) -> Option<&Next> {
        self.next.get()
    }

    pub(in super::super) fn follow(&self, next: Next) {
        let _ = self.next.set(next);
    }
}

impl Drop for Segment {
    /// Drops a chain piece by piece: a long one would need a deep stack otherwise.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(Next::Segment(segment)) = next {
            next = Arc::into_inner(segment).and_then(|mut segment| segment.next.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_is_dropped_without_recursion() {
        let head = Segment::new(vec![1]);
        let mut last = Arc::clone(&head);
        for _ in 0..200_000 {
            let segment = Segment::new(vec![]);
            last.follow(Next::Segment(Arc::clone(&segment)));
            last = segment;
        }
        assert!(last.next().is_none());
        last.follow(Next::End);
        drop(last);
        drop(head);
    }
}
