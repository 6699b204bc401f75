//! Reading image files as 8-bit RGB and writing pictures.

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
