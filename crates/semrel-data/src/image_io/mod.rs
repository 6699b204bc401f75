//! Reading image files as 8-bit RGB and writing pictures.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

mod decode;
pub(crate) mod formats;
mod list;
mod pixels;
mod write;

pub use decode::{decode_labels, decode_rgb, dimensions, read_image, read_rgb, to_rgb};
pub use formats::{EXTENSIONS, is_image};
pub(crate) use list::entries;
pub use list::list_images;
pub use pixels::{Quantise, grid, to_image};
pub use write::write_image;
