//! `cargo xtask explore`: the similarity explorer of what a table has trained.

use crate::setup;
use crate::tables::Profile;
use crate::workspace::{Workspace, exit_code};
use anyhow::{Context, Result, bail, ensure};
use semrel_data::image_io::list_images;
use semrel_tables::finished::{Group, groups};
use semrel_tables::names::INPUTS;
use semrel_tables::profile;
use semrel_tables::table_single::TABLE_SINGLE;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make the similarity explorer of the trained rows of table-single
///
/// Writes a page (OUT/index.html, and features beside it) in which you point at a patch of a test picture and see how
/// similar all other patches are to it, in the picture and in its translation by each method. It takes the finished
/// rows of one data set in the folder of runs and pictures of its test set; `cargo run -p cut-single -- explore` takes
/// any runs and pictures.
#[derive(clap::Args)]
pub struct Args {
    /// The data set, as in names of rows, such as horse2zebra [default: the one with most finished rows]
    #[arg(long, alias = "half", value_name = "DATASET")]
    dataset: Option<String>,
    /// The profile of its rows [default: the first that has any]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Methods to show, separated by commas [default: all that are finished]
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    only: Vec<String>,
    /// Test pictures to show, evenly spaced
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=64))]
    pictures: u64,
    /// Folder for the page [default: results/report/explorer, in the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the runs [default: runs/cut-single, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let runs = workspace.place(args.runs.as_deref(), "runs/cut-single")?;
    let mut group = choose(&runs, args)?;
    if !args.only.is_empty() {
        for name in &args.only {
            ensure!(
                group.rows.iter().any(|row| row.method.name == name),
                "--only {name}: no finished row of {}; there are {}",
                group.dataset,
                names(&group)
            );
        }
        group.rows.retain(|row| args.only.iter().any(|name| name == row.method.name));
    }
    let inputs = pictures(&group, args.pictures as usize)?;
    let program = setup::program(workspace, TABLE_SINGLE.program.name())?;
    let mut command = workspace.command(program);
    command.arg("explore").args(group.rows.iter().map(|row| &row.run));
    command
        .arg("--input")
        .args(inputs)
        .arg("--out")
        .arg(workspace.place(args.out.as_deref(), "results/report/explorer")?);
    if args.out.is_none() {
        command.args(["--back", "../index.html"]);
    }
    Ok(exit_code(command.status().context("cut-single cannot be started")?))
}

/// The rows of the data set that is asked for, or has most.
fn choose(runs: &Path, args: &Args) -> Result<Group> {
    let all = groups(runs, &TABLE_SINGLE)?;
    if all.is_empty() {
        bail!(
            "{}: no finished row of table-single; `cargo xtask table-single` trains them, and with --resume tells runs of an \
             earlier version which rows they are",
            runs.display()
        );
    }
    let known: Vec<String> = all.iter().map(|group| format!("{} ({})", group.dataset, group.profile)).collect();
    let fits = |group: &Group| {
        args.dataset.as_ref().is_none_or(|dataset| *dataset == group.dataset)
            && args.profile.is_none_or(|profile| profile::Profile::from(profile).name() == group.profile)
    };
    // The first of those that have most.
    let chosen = all.into_iter().filter(fits).rev().max_by_key(|group| group.rows.len());
    chosen.with_context(|| format!("no finished row of these; {} holds rows of {}", runs.display(), known.join(", ")))
}

fn names(group: &Group) -> String {
    group.rows.iter().map(|row| row.method.name).collect::<Vec<_>>().join(", ")
}

/// Test pictures as an evaluation has left them.
fn pictures(group: &Group, count: usize) -> Result<Vec<PathBuf>> {
    let first = group.rows.first().context("no row")?;
    let folder = first.translations(group.spec).with_context(|| {
        format!("{}: not evaluated; `cargo xtask table-single --resume` does that", first.run.display())
    })?;
    let all = list_images(&folder.join(INPUTS))?;
    ensure!(!all.is_empty(), "{}: no pictures", folder.join(INPUTS).display());
    Ok(spread(&all, count))
}

/// So many of a list, from the middles of as many equal parts.
pub fn spread<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    (0..count).map(|i| all[(2 * i + 1) * all.len() / (2 * count)].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn pictures_are_spread() {
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2), [2, 7]);
        assert_eq!(spread(&[0, 1], 5), [0, 1]);
        assert!(spread::<i32>(&[], 3).is_empty());
    }
}
