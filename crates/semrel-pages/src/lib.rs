//! Pages that open offline: one shell, one style sheet, data and pictures inside.
//!
//! A [`Page`] is a whole HTML document. Its policy lets it load pictures that lie beside it, and nothing else.
#![warn(missing_docs)]

mod error;
mod file;
mod page;
mod picture;
mod template;

pub use error::PageError;
pub use file::write_page;
pub use page::Page;
pub use picture::data_uri;
pub use template::Templates;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
