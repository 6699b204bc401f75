//! Reading image files as 8-bit RGB and writing pictures.

/// Extensions of image files, in any case.
pub const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "ppm", "pgm", "bmp", "tif", "tiff", "webp"];
