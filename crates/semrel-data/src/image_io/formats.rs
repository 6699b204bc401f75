//! Which files are images, by their names.

use std::path::Path;

/// Extensions of image files, in any case.
pub const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "ppm", "pgm", "bmp", "tif", "tiff", "webp"];

/// Whether a name ends as one of an image file does.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}
