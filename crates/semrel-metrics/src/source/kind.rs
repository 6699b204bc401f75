//! What pictures come from, and which of them are taken.

use semrel_data::image_io::EXTENSIONS;
use std::path::{Component, Path};

/// Which pictures of a folder or zip are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listing {
    /// Those at any depth.
    #[default]
    Recursive,
    /// Those at the top whose extension is in lower case: what pytorch-fid takes of a folder.
    Flat,
}

impl Listing {
    /// Whether the picture of this name (a path within the folder or zip) is taken.
    pub(super) fn takes(self, name: &Path) -> bool {
        let lower_case = || name.extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e));
        self == Self::Recursive || (name.components().count() == 1 && lower_case())
    }
}

/// What pictures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A folder.
    Folder,
    /// A text file that names one picture per line.
    List,
    /// A zip.
    Zip,
}

impl SourceKind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::List => "list",
            Self::Zip => "zip",
        }
    }
}

/// Whether a member of a zip is hidden, or where macOS keeps attributes.
pub(super) fn is_hidden(name: &Path) -> bool {
    let hidden = |part: Component| {
        let part = part.as_os_str().to_string_lossy();
        // The second is where macOS puts its attributes.
        part.starts_with('.') || part == "__MACOSX"
    };
    name.components().any(hidden)
}
