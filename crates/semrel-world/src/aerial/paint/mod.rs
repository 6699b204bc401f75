//! Shows a plan: as a map, and as a photograph of ground, surfaces and shadows.

mod ground;
pub(super) mod map;
pub(super) mod photo;
mod surfaces;
