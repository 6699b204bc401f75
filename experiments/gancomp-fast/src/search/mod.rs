//! The search for the best configuration of a super-net within a budget.
//!
//! | module | holds |
//! |---|---|
//! | [`member`] | a configuration with its quality |
//! | [`evolution`] | the published evolution search, generic over costs and quality |
//! | [`exhaustive`] | the published alternative: every member of a set |
//! | [`genes`], [`draws`] | samples, mutations and cross-overs within a budget; where their randomness comes from |
//! | [`cost`] | multiply-accumulates, parameters, milliseconds; what a budget allows |
//! | [`fitness`] | Fréchet distance or mean IoU of a configuration, on slices of the super-net's weights |
//! | [`cache`] | all that was found out, on disk as it is found out |
//! | [`front`], [`plot`] | quality against cost |
//! | [`check`] | what is refused before anything is trained or loaded |
//! | [`run`], [`report`] | a search from its configuration to its files |

pub mod cache;
pub mod check;
pub mod cost;
mod criterion;
pub mod draws;
pub mod evolution;
pub mod exhaustive;
pub mod fitness;
pub mod front;
pub mod genes;
pub mod member;
pub mod plot;
pub mod report;
pub mod run;
mod unseen;

pub use report::winner;
