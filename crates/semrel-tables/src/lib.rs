//! The tables of the paper, trained and measured by programs: one file per table, one per program, and what they share.
//!
//! A [`spec::Spec`] is a table. A [`request::Request`] makes a [`plan::Plan`] of it, [`calls::Calls`] the jobs that are left
//! to do, [`jobs::run`] runs them, and [`report::write`] reads what they left and writes the table. The crate does not depend
//! on `tch`.
#![warn(missing_docs)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod calls;
mod caption;
pub mod chosen;
pub mod claims;
pub mod claims_report;
pub mod collected;
pub mod columns;
mod compared;
pub mod cut_single;
pub mod differences;
pub mod display;
pub mod entries;
mod error;
pub mod evaluated;
pub mod finished;
pub mod folders;
pub mod further;
pub mod gancomp_fast;
pub mod jobs;
pub mod judged;
pub mod leaves;
pub mod machine;
pub mod names;
pub mod pictures;
pub mod plan;
pub mod profile;
pub mod report;
pub mod request;
pub mod results;
pub mod rows;
pub mod spec;
pub mod stargan2_multi;
pub mod study;
pub mod summaries;
pub mod sweep_chart;
pub mod table;
pub mod table1;
pub mod table2;
pub mod table3;
pub mod table_single;
#[cfg(test)]
mod testing;
pub mod written;

pub use error::TableError;

use spec::Spec;

/// Every table, in the order of the paper.
pub const ALL: [&Spec; 4] = [&table1::TABLE_1, &table_single::TABLE_SINGLE, &table2::TABLE_2, &table3::TABLE_3];

/// The table whose program has this name; the first in the order of the paper where there are several.
pub fn of_program(name: &str) -> Option<&'static Spec> {
    ALL.into_iter().find(|spec| spec.program.name() == name)
}
