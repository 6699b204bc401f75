//! Keys by their names.

use crate::BrowserError;

/// What a key event carries: `key`, `code`, the Windows key code, and the text that it types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub key: &'static str,
    pub code: &'static str,
    pub number: u32,
    pub text: Option<&'static str>,
}

const fn key(key: &'static str, number: u32, text: Option<&'static str>) -> Key {
    Key { key, code: key, number, text }
}

const KEYS: [Key; 13] = [
    key("Tab", 9, None),
    key("Enter", 13, Some("\r")),
    key("Escape", 27, None),
    Key { key: " ", code: "Space", number: 32, text: Some(" ") },
    key("PageUp", 33, None),
    key("PageDown", 34, None),
    key("End", 35, None),
    key("Home", 36, None),
    key("ArrowLeft", 37, None),
    key("ArrowUp", 38, None),
    key("ArrowRight", 39, None),
    key("ArrowDown", 40, None),
    key("Delete", 46, None),
];

/// The key of this name (`Enter`, `ArrowLeft`, `Space`, …).
pub fn find(name: &str) -> Result<Key, BrowserError> {
    let known = || KEYS.map(|key| key.code).join(", ");
    let found = KEYS.into_iter().find(|key| key.code == name || key.key == name);
    found.ok_or_else(|| BrowserError::Protocol(format!("there is no key `{name}` here; there are {}", known())))
}
