//! `cargo xtask figures`: pictures for people: every method's translations beside each other, and similarity maps.

mod grids;
mod heat;
mod similarity;

use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use semrel_data::image_io::write_image;
use semrel_tables::finished::{Group, groups};
use semrel_tables::spec::Spec;
use semrel_tables::{table_single::TABLE_SINGLE, table1::TABLE_1, table2::TABLE_2, table3::TABLE_3};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Least side of a picture: smaller ones are enlarged.
const CELL: u32 = 192;

/// The tables, in the order of their figures.
const TABLES: [&Spec; 4] = [&TABLE_SINGLE, &TABLE_3, &TABLE_1, &TABLE_2];

/// Draw the paper's figures from the finished runs
///
/// Writes a PNG for each table and data set with finished rows to OUT: <table>-<profile>-<dataset>.png has test pictures and what
/// each method makes of them; <table>-<profile>-<dataset>-similarity.png (of table-single and table3) shows for one patch of a
/// test picture how like it all others are, in the picture (A) and in its translation (B), by each method.
///
/// Missing rows are reported. Nothing is trained.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Folder of the programs' folders of runs [default: runs, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Folder for the figures [default: figures, in the folder of the results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Test pictures per figure, evenly spaced
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=32))]
    rows: u64,
    /// Position of the query patch of similarity maps, as fractions of width and height
    #[arg(long, value_name = "X,Y", default_value = "0.45,0.6", value_parser = similarity::place)]
    at: [f64; 2],
    /// Layer of similarity maps [default: one from the middle of those that losses compare]
    #[arg(long, value_name = "LAYER")]
    layer: Option<i64>,
    /// Skip similarity maps, which need cut-single
    #[arg(long)]
    no_similarity: bool,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let results = workspace.place(args.results.as_deref(), "results")?;
    let runs = workspace.place(args.runs.as_deref(), "runs")?;
    let out = workspace.place(args.out.as_deref(), results.join("figures"))?;

    let mut all = vec![];
    for spec in TABLES {
        let found = groups(&runs.join(spec.program.name()), spec)?;
        if found.is_empty() {
            eprintln!(
                "{}: no finished row; `cargo xtask {}` trains them, and with --resume tells runs of an earlier version which rows they are",
                spec.title, spec.name
            );
        }
        all.extend(found);
    }
    if all.is_empty() {
        let commands: Vec<String> = TABLES.iter().map(|spec| format!("`cargo xtask {}`", spec.name)).collect();
        bail!("{}: no finished rows to draw; {} train them", runs.display(), commands.join(", "));
    }
    let mut failed = false;
    let mut said = |what: &str, drawn: Result<PathBuf>| match drawn {
        Ok(path) => println!("{}", path.display()),
        Err(error) => {
            eprintln!("no {what}: {error:#}");
            failed = true;
        }
    };
    for group in &all {
        let missing = group.missing();
        if !missing.is_empty() {
            eprintln!("{} is without {}", group.stem(), missing.join(", "));
        }
        said(&group.stem(), grid(group, &workspace.root, &out, args.rows as usize));
    }
    let single = |group: &&Group| group.spec.program.name() == TABLE_SINGLE.program.name();
    if !args.no_similarity && all.iter().any(|group| single(&group)) {
        let program = cut_single(workspace)?;
        for group in all.iter().filter(single) {
            let drawn = similarity::draw(group, &workspace.root, &|| workspace.command(&program), args.at, args.layer);
            let path = out.join(format!("{}-similarity.png", group.stem()));
            said(
                &format!("{}-similarity", group.stem()),
                drawn.and_then(|image| Ok(write_image(&path, &image).map(|()| path)?)),
            );
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn grid(group: &Group, root: &Path, out: &Path, rows: usize) -> Result<PathBuf> {
    let image = match group.spec.name == TABLE_1.name {
        true => grids::of_styles(group, root, rows)?,
        false => grids::of_translations(group, rows)?,
    };
    let path = out.join(group.stem()).with_extension("png");
    write_image(&path, &image)?;
    Ok(path)
}

fn cut_single(workspace: &Workspace) -> Result<PathBuf> {
    setup::program(workspace, TABLE_SINGLE.program.name())
        .context("similarity maps need it; --no-similarity leaves them out")
}
