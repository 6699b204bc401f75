//! The sample world: a procedural renderer of landscapes in four seasons and five weathers, of horses and zebras in such
//! landscapes, of streets, and of towns from above with their maps.
//!
//! A landscape is a *layout* (horizon, mountains, hills, road or water, trees, perhaps a cottage), drawn from the seed
//! alone, seen in a *look* that the domain decides and the seed varies: colours, light, clouds, haze, snow. So domains
//! share one distribution of layouts and differ in colour and texture only, and the same seed in two domains is the
//! same place twice. Every picture comes with its exact label map.
//!
//! ```
//! use semrel_world::{Label, Season, render_landscape};
//! let summer = render_landscape(7, Season::Summer, 64);
//! let winter = render_landscape(7, Season::Winter, 64);
//! assert_eq!(summer.labels, winter.labels);
//! assert!(summer.labels.pixels().any(|p| p.0[0] == Label::Tree as u8));
//! ```
//!
//! What a thing is and how it is painted are files of their own: plans and bodies know nothing of a canvas.
#![warn(missing_docs)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod aerial;
mod canvas;
mod color;
mod error;
mod folder;
mod grain;
mod landscape;
mod look;
mod noise;
mod scene;
mod sets;
mod street;

pub use aerial::{Aerial, MapLabel, render_aerial};
pub use error::WorldError;
pub use folder::{write_domains, write_pairs};
pub use landscape::{Coat, Label, render_animals, render_landscape};
pub use look::{Look, Season, Weather};
pub use scene::Scene;
pub use sets::{DomainSet, PairWorld};
pub use street::{StreetLabel, render_street};
