//! YAML from others: limited in length, nesting and what its aliases expand to.

use crate::input;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::Path;

/// Longest file that is read; a configuration has some thousand bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// Values that any text may have. One without aliases has fewer than one per byte.
const ALWAYS_ALLOWED: usize = 4096;

/// Deepest brackets. The parser's time grows with text × depth, and it reads all of a text before it refuses what is nested
/// more than 128 deep.
const DEEPEST: usize = 256;

/// The text of a configuration's file.
///
/// # Errors
/// Those of the file system; also for a file that is too long, or not UTF-8.
pub fn text_of(path: &Path) -> io::Result<String> {
    input::read_to_string_within(path, LONGEST_FILE, "configuration")
}

/// The value that a text stands for.
///
/// # Errors
/// Says what is wrong, and where.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if input::depth_of_brackets(text.as_bytes(), &[b"[]", b"{}"]) > DEEPEST {
        return Err(format!("its brackets are nested more than {DEEPEST} deep"));
    }
    let left = Cell::new(text.len().saturating_add(ALWAYS_ALLOWED));
    // An alias repeats what its anchor has: a list of ten aliases of a list of ten aliases of … is short and endless. What else is
    // wrong shows below.
    if Counter(&left).deserialize(serde_yaml::Deserializer::from_str(text)).is_err() && left.get() == 0 {
        let most = text.len().saturating_add(ALWAYS_ALLOWED);
        return Err(format!("its aliases (`*name`) stand for more than {most} values"));
    }
    serde_yaml::from_str(text).map_err(|e| e.to_string())
}

/// Walks through values and keeps none, until as many as are left have been seen.
#[derive(Clone, Copy)]
struct Counter<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.set(self.0.get().saturating_sub(1));
        match self.0.get() {
            0 => Err(D::Error::custom("too many values")),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Counter<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry_seed(self, self)?.is_some() {}
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value) = tagged.variant::<String>()?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_yaml::Value;

    fn parse(text: &str) -> Result<Value, String> {
        super::parse(text)
    }

    #[test]
    fn aliases_are_followed_as_far_as_is_reasonable() {
        let text = "base: &base {a: 1, b: [2, 3]}\nagain: *base\ntagged: !x {c: 1.5, d: ~, e: true, f: -1}\n";
        let value = parse(text).unwrap();
        assert_eq!(value["again"], value["base"]);

        let tens = |item: &str| [item; 10].join(", ");
        let mut laughs = format!("a0: &a0 [{}]\n", tens("0"));
        (1..9).for_each(|n| laughs += &format!("a{n}: &a{n} [{}]\n", tens(&format!("*a{}", n - 1))));
        let error = parse(&laughs).unwrap_err();
        assert!(error.contains("its aliases (`*name`) stand for more than"), "{error}");
        assert!(parse("a: [1").unwrap_err().contains("line"));
        // Two hundred thousand levels would take minutes.
        assert!(parse(&"{a: ".repeat(200_000)).unwrap_err().contains("nested more than 256 deep"));
        assert!(parse(&format!("a: {}{}", "[".repeat(100), "]".repeat(100))).is_ok());
    }

    #[test]
    fn files_are_texts_of_some_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.yaml");
        std::fs::write(&path, vec![b'#'; 1 << 20]).unwrap();
        assert_eq!(text_of(&path).unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert!(text_of(&path).unwrap_err().to_string().contains("longer than 1048576 bytes"));
        std::fs::write(&path, b"name: \xff").unwrap();
        assert!(text_of(&path).unwrap_err().to_string().contains("UTF-8"));
    }
}
