//! `cargo xtask sweep`: a configuration with several values of a key, each with several seeds.

use crate::tables::{self, Folders, Machine};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use semrel_statistics::mean;
use semrel_tables::collected::Collected;
use semrel_tables::differences::{counts, scores};
use semrel_tables::jobs::Outcome;
use semrel_tables::machine::cores;
use semrel_tables::plan::{Dataset, Plan};
use semrel_tables::profile::Profile;
use semrel_tables::request::{FIRST_SEED, check_set, side_by_side};
use semrel_tables::spec::Spec;
use semrel_tables::study::{self, Configuration, Variant};
use semrel_tables::{ALL, report, sweep_chart};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train a configuration with several values of a key, each with several seeds: one table and one chart
///
/// `--set` takes values separated by commas; where several keys have several values, all combinations are trained. The first value
/// is what the others are compared with. Writes OUT/sweep-<profile>-<config>-<keys>.{md,csv,json} and a chart (.svg). What is trained
/// already is kept; Ctrl-C saves checkpoints, and the same command goes on.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask sweep configs/cut-single/sample/horse2zebra-ours.yaml --set loss.gamma_start=50,10,1,0.1 --set loss.use_curriculum=false --seeds 5\n  \
        cargo xtask sweep configs/cut-single/sample/street-ours.yaml --set loss.lambda_src=0,0.05,0.5 --set loss.hard=true")]
pub struct Args {
    /// A row's configuration, below configs/<program>/<profile>
    config: PathBuf,
    /// A key and its values, separated by commas; a list in brackets is one value
    #[arg(long = "set", value_name = "KEY=VALUES", required = true)]
    sets: Vec<String>,
    /// Seeds per value (777, 778, ...); with fewer than four nothing can be concluded
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=13))]
    seeds: u64,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    folders: Folders,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let keys = args.sets.iter().map(|set| values(set)).collect::<Result<Vec<_>>>()?;
    for (i, (key, _)) in keys.iter().enumerate() {
        ensure!(keys[..i].iter().all(|(other, _)| other != key), "--set {key}: given twice");
    }
    let plan = plan(workspace, &args, &keys)?;
    plan.check_run_folders()?;
    let outcomes = tables::train(workspace, &plan, None)?;
    if outcomes.contains(&Outcome::Interrupted) {
        eprintln!("interrupted; the same command goes on where it stopped");
        return Ok(ExitCode::from(130));
    }
    let failed = report::write(&plan, &outcomes)?;
    chart(&plan, &Collected::read(&plan, &outcomes), &keys)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A key and its values: commas separate them, but for those in brackets, braces and quotes.
fn values(set: &str) -> Result<(String, Vec<String>)> {
    ensure!(
        !set.starts_with("data.root="),
        "--set {set}: a sweep takes the images that its configuration names; write a file that extends it and sets data.root"
    );
    check_set(set)?;
    let Some((key, rest)) = set.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        bail!("--set {set}: expected KEY=VALUES, as in --set loss.gamma_start=50,10,1");
    };
    ensure!(key != "name", "--set {set}: runs are named by the sweep");
    let (mut values, mut value, mut depth, mut quote) = (vec![], String::new(), 0, None);
    for c in rest.chars() {
        match (c, quote) {
            (',', None) if depth == 0 => {
                values.push(std::mem::take(&mut value));
                continue;
            }
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        value.push(c);
    }
    values.push(value);
    ensure!(values.iter().all(|value| !value.is_empty()), "--set {set}: an empty value");
    let mut seen = values.clone();
    seen.sort();
    seen.dedup();
    ensure!(seen.len() == values.len(), "--set {set}: a value is listed twice");
    Ok((key.to_owned(), values))
}

/// All combinations of the keys' values, as changes; the first key varies slowest.
fn combinations(keys: &[(String, Vec<String>)]) -> Vec<Vec<String>> {
    keys.iter().fold(vec![vec![]], |all, (key, values)| {
        let with = |changes: &Vec<String>| {
            values.iter().map(|value| [&changes[..], &[format!("{key}={value}")]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(with).collect()
    })
}

fn plan(workspace: &Workspace, args: &Args, keys: &[(String, Vec<String>)]) -> Result<Plan> {
    ensure!(args.config.is_file(), "{}: no such file; expected a row's configuration", args.config.display());
    let config = fs::canonicalize(&args.config).with_context(|| args.config.display().to_string())?;
    let stem = config.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let configs = fs::canonicalize(workspace.root.join("configs")).context("configs, in the checkout")?;
    let (profile, table) = place(&config, &configs, &stem).with_context(|| {
        let expected = configs.join("<program>/<profile>/<data set>-<method>.yaml");
        format!("{}: expected {}, of cut-single or stargan2-multi", args.config.display(), expected.display())
    })?;
    let (varied, fixed): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(|(_, values)| values.len() > 1);
    ensure!(!varied.is_empty(), "--set: one value is not a sweep; separate several by commas");
    let combinations = combinations(&varied);
    let mut names = BTreeSet::new();
    let mut variant = |(number, changes): (usize, &Vec<String>)| {
        let title = changes.join(", ");
        let letter = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '-' };
        // A digest of the changes tells their runs apart; this is for people.
        let readable: String = title.chars().map(letter).take(40).collect();
        let name = if names.insert(readable.clone()) { readable } else { format!("{readable}-{}", number + 1) };
        let configuration = Configuration::File(config.clone());
        Variant { name, title, configuration, settings: changes.clone() }
    };
    let variants: Vec<Variant> = combinations.iter().enumerate().map(&mut variant).collect();
    let swept: Vec<&str> = varied.iter().map(|(key, _)| key.as_str()).collect();
    let name = format!("sweep-{}-{stem}-{}", profile.name(), swept.join("-"));
    let spec =
        study::spec(&name, &format!("Sweep of {stem}"), table.program, table.datasets, &variants, &variants[0].name);
    let of_world = |d: &semrel_tables::spec::DatasetSpec| {
        profile == Profile::Sample && stem.starts_with(&format!("{}-", d.sample.name()))
    };
    let paper = table.datasets.iter().position(of_world);
    let dataset = Dataset { name: stem.clone(), paper, own: None, stem, settings: vec![] };
    let Machine { jobs, threads, device } = &args.machine;
    let parallel = side_by_side(profile, device, *jobs);
    let program = table.program.name();
    Ok(Plan {
        spec,
        root: workspace.root.clone(),
        profile,
        datasets: vec![dataset],
        rows: (0..variants.len()).map(|method| semrel_tables::rows::Row { dataset: 0, method }).collect(),
        variants,
        seeds: (FIRST_SEED..FIRST_SEED + args.seeds).collect(),
        resume: true,
        overwrite: false,
        best_on_test: false,
        parallel,
        threads: threads.map_or((cores() / parallel).max(1), |threads| threads as usize),
        device: device.clone(),
        sets: combinations_of_one(&fixed),
        configs,
        runs: workspace.place(args.folders.runs.as_deref(), format!("runs/{program}"))?,
        out: workspace.place(args.folders.out.as_deref(), "results")?,
    })
}

/// Keys of one value, as changes.
fn combinations_of_one(fixed: &[(String, Vec<String>)]) -> Vec<String> {
    combinations(fixed).into_iter().next().unwrap_or_default()
}

/// The profile of a configuration, and a table of its program.
fn place(config: &Path, configs: &Path, stem: &str) -> Option<(Profile, &'static Spec)> {
    let within = config.strip_prefix(configs).ok()?;
    let parts: Vec<String> = within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let [program, profile, _] = parts.as_slice() else { return None };
    let profile = [Profile::Sample, Profile::Small, Profile::Paper].into_iter().find(|p| p.name() == profile)?;
    // Rows of compression have a teacher that trains first: no row of its own here.
    let table = ALL.into_iter().find(|spec| spec.program.name() == program && spec.program.needs(stem).is_none());
    table.filter(|spec| spec.program.name() != "gancomp-fast").map(|spec| (profile, spec))
}

/// Writes the chart of the column that counts.
fn chart(plan: &Plan, collected: &Collected, keys: &[(String, Vec<String>)]) -> Result<()> {
    let results = |name: &str| collected.chosen(plan, 0, name).unwrap_or_default();
    let all: Vec<_> = plan.variants.iter().flat_map(|variant| results(&variant.name)).collect();
    if all.is_empty() {
        return Ok(());
    }
    let column = counts(plan.spec.program.columns(), &all);
    let of_seed = |eval| scores(column, eval).map(|scores| mean(&scores));
    let varied: Vec<&(String, Vec<String>)> = keys.iter().filter(|(_, values)| values.len() > 1).collect();
    let point = |variant: &Variant| {
        let name = match varied.as_slice() {
            [(key, _)] => variant.title.strip_prefix(&format!("{key}=")).unwrap_or(&variant.title).to_owned(),
            _ => variant.title.clone(),
        };
        (name, results(&variant.name).into_iter().filter_map(of_seed).collect())
    };
    let points: Vec<_> = plan.variants.iter().map(point).collect();
    let key = varied.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ");
    let text = sweep_chart::svg(plan.spec.title, &key, &column.heading(&collected.terms(0)), &points)
        .map_err(anyhow::Error::msg)?;
    let path = plan.out.join(format!("{}.svg", plan.spec.name));
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    eprintln!("the chart: {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_values_and_brackets_hold_them_together() {
        let of = |set: &str| values(set).unwrap().1;
        assert_eq!(of("loss.gamma_start=50,10,0.1"), ["50", "10", "0.1"]);
        assert_eq!(of("model.nce_layers=[0, 4],[0,8]"), ["[0, 4]", "[0,8]"]);
        assert_eq!(of("model.init=!normal {gain: 1, x: 2},kaiming"), ["!normal {gain: 1, x: 2}", "kaiming"]);
        assert_eq!(of("data.preprocess='a,b'"), ["'a,b'"]);
        for (set, words) in [
            ("loss", "KEY=VALUE"),
            ("data.root=a,b", "a file that extends it"),
            ("loss.hard=true,,false", "an empty value"),
            ("loss.hard=true,true", "twice"),
            ("seed=1,2", "--seeds"),
        ] {
            let text = format!("{:#}", values(set).unwrap_err());
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn several_keys_make_all_combinations() {
        let keys = [("a".to_owned(), vec!["1".to_owned(), "2".into()]), ("b".to_owned(), vec!["3".into(), "4".into()])];
        assert_eq!(combinations(&keys), [["a=1", "b=3"], ["a=1", "b=4"], ["a=2", "b=3"], ["a=2", "b=4"]]);
    }

    #[test]
    fn the_place_of_a_configuration_tells_program_and_profile() {
        let configs = Path::new("/x/configs");
        let of =
            |path: &str| place(&configs.join(path), configs, "street-ours").map(|(p, s)| (p.name(), s.program.name()));
        assert_eq!(of("cut-single/sample/street-ours.yaml"), Some(("sample", "cut-single")));
        assert_eq!(of("stargan2-multi/small/data-ours.yaml"), Some(("small", "stargan2-multi")));
        assert_eq!(of("cut-single/street-ours.yaml"), None);
        assert_eq!(of("gancomp-fast/sample/street-ours.yaml"), None);
    }
}
