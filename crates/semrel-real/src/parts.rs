//! Which subjects train and which test: by a hash of their names, so that no order and no version of a list decides.

use sha2::{Digest, Sha256};

/// Put before each name, so that the order is this project's own.
const SALT: &str = "real-1\n";

/// Subjects in the order of their hashes.
pub fn in_order<T>(mut subjects: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    subjects.sort_by_key(|subject| Sha256::digest(format!("{SALT}{}", name(subject))).to_vec());
    subjects
}

/// Four parts of subjects in order: `tests` that are translated, `tests` that they are compared with, and the halves of the rest,
/// whose A and whose B train. `None` where too little would be left to train.
pub fn four<T>(subjects: &[T], tests: usize) -> Option<[&[T]; 4]> {
    let (translated, rest) = subjects.split_at_checked(tests)?;
    let (compared, rest) = rest.split_at_checked(tests)?;
    let (a, b) = rest.split_at(rest.len() / 2);
    (a.len() >= tests).then_some([a, b, translated, compared])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_nothing_and_do_not_depend_on_the_order_of_the_list() {
        let names: Vec<String> = (0..40).map(|i| format!("subject {i}")).collect();
        let ordered = in_order(names.iter().map(String::as_str).collect(), |name| name);
        let reversed = in_order(names.iter().rev().map(String::as_str).collect(), |name| name);
        assert_eq!(ordered, reversed);
        let parts = four(&ordered, 5).unwrap();
        assert_eq!(parts.map(<[_]>::len), [15, 15, 5, 5]);
        let mut all = parts.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 40);
        assert!(four(&ordered, 14).is_none() && four(&ordered, 41).is_none());
    }
}
