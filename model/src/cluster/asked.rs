//! What jobs ask for, kept once for all jobs that ask alike: a million submits of one script differ in little but their ids.
//!
//! Derived, never stored: rows hold the whole spec. Numbers given here are of this process alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use muster_proto::durable::{BlobRef, JobSpec};
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::sched::Shape;

/// A spec as accepted, with what the scheduler reads of it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As accepted.
    pub spec: JobSpec,
    /// What the scheduler reads of it; one for all that are equal.
    pub shape: Arc<Shape>,
    /// Equal for equal shapes, while any of them is kept.
    pub shape_number: u64,
    /// Of the spec.
    hash: u128,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

impl Asked {
    /// Not shared with anybody yet.
    pub(super) fn alone(spec: JobSpec) -> Self {
        Self { spec, ..Self::default() }
    }
}

/// Shared specs and shapes, each with how many use it.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    specs: BTreeMap<u128, (Arc<Asked>, u64)>,
    shapes: BTreeMap<u128, (Arc<Shape>, u64, u64)>,
    last_number: u64,
}

impl Book {
    /// One that equals `asked`, counted as used once more.
    pub(super) fn share(&mut self, asked: &Asked) -> Arc<Asked> {
        let hash = hash(&asked.spec.encode_to_vec());
        if let Some((known, users)) = self.specs.get_mut(&hash) {
            *users += 1;
            return known.clone();
        }
        let spec = owned(asked.spec.clone());
        let (shape, shape_number) = self.share_shape(Shape::of(&spec));
        let made = Arc::new(Asked { spec, shape, shape_number, hash });
        self.specs.insert(hash, (made.clone(), 1));
        made
    }

    /// Likewise of a stored spec, which is decoded only where it is not known; `None`: it is none.
    pub(super) fn share_stored(&mut self, bytes: &[u8]) -> Option<Arc<Asked>> {
        if let Some((known, users)) = self.specs.get_mut(&hash(bytes)) {
            *users += 1;
            return Some(known.clone());
        }
        let spec = JobSpec::decode(bytes).ok().filter(|spec| spec.request.is_some())?;
        Some(self.share(&Asked::alone(spec)))
    }

    /// One user less.
    pub(super) fn drop(&mut self, asked: &Asked) {
        let Some((_, users)) = self.specs.get_mut(&asked.hash) else { return };
        *users -= 1;
        if *users == 0 {
            self.specs.remove(&asked.hash);
            let key = hash(&asked.shape.key());
            if let Some((_, _, users)) = self.shapes.get_mut(&key) {
                *users -= 1;
                if *users == 0 {
                    self.shapes.remove(&key);
                }
            }
        }
    }

    fn share_shape(&mut self, shape: Shape) -> (Arc<Shape>, u64) {
        let key = hash(&shape.key());
        let last = &mut self.last_number;
        let (shape, number, users) = self.shapes.entry(key).or_insert_with(|| {
            *last += 1;
            (Arc::new(shape), *last, 0)
        });
        *users += 1;
        (shape.clone(), *number)
    }
}

fn hash(bytes: &[u8]) -> u128 {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(bytes)[..16]);
    u128::from_be_bytes(first)
}

/// Bytes that were decoded from a log entry keep all of the entry in memory: these are copies.
fn owned(mut spec: JobSpec) -> JobSpec {
    for reference in [&mut spec.script, &mut spec.environment].into_iter().flatten() {
        *reference = BlobRef { hash: Bytes::copy_from_slice(&reference.hash), size: reference.size };
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, uid: u32) -> Asked {
        Asked::alone(JobSpec { name: name.to_owned(), uid, ..JobSpec::default() })
    }

    #[test]
    fn equal_specs_are_kept_once_and_names_do_not_make_shapes() {
        let mut book = Book::default();
        let (one, same, other) = (book.share(&asked("a", 1)), book.share(&asked("a", 1)), book.share(&asked("b", 1)));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        assert!(Arc::ptr_eq(&one.shape, &other.shape) && one.shape_number == other.shape_number);
        assert_ne!(book.share(&asked("a", 2)).shape_number, one.shape_number);
        book.drop(&one);
        assert_eq!(book.specs.len(), 3);
        book.drop(&same);
        book.drop(&other);
        assert_eq!((book.specs.len(), book.shapes.len()), (1, 1));
    }

    #[test]
    fn a_stored_spec_is_the_one_that_is_known() {
        let mut book = Book::default();
        let known = book.share(&Asked::alone(JobSpec { request: Some(Default::default()), ..JobSpec::default() }));
        let stored = book.share_stored(&known.spec.encode_to_vec()).unwrap();
        assert!(Arc::ptr_eq(&known, &stored));
        assert!(book.share_stored(&asked("no request", 1).spec.encode_to_vec()).is_none());
        (0..2).for_each(|_| book.drop(&known));
        assert_eq!(book.specs.len(), 0);
    }
}
