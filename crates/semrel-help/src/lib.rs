//! What the programs of the workspace tell about themselves: completions, man pages, the reference of their configuration.
#![warn(missing_docs)]

mod pages;
mod reference;
mod schema;

pub use pages::Pages;
pub use reference::reference;
