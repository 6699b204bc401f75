//! From result files to the written table.

use super::jobs::Outcome;
use super::paper::TABLE_1;
use super::plan::{CHECKPOINTS, Plan, eval_file};
use super::results::{self, Baseline, Eval, Header, Summary, per_domain};
use super::rows::{Method, Profile, Row};
use super::table::{Half, Line, Table, cells, paper_cells, same_cells};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Prints and writes the table; tells whether a row failed.
pub fn write(plan: &Plan, outcomes: &[Outcome]) -> Result<bool> {
    let collected = Collected::read(plan, outcomes);
    let table = collected.table(plan);
    let pictures: Vec<(String, String)> = plan
        .rows
        .iter()
        .filter(|row| plan.out.join(plan.picture(**row)).exists())
        .map(|row| (format!("{}: {}", plan.halves[row.half].name, row.method.title()), plan.picture(*row)))
        .collect();
    let json = serde_json::to_string_pretty(&collected.json(plan, &table))?;
    if collected.runs.iter().all(|run| run.result.is_err()) && plan.out.join("table1.json").exists() {
        println!("{}", table.text());
        eprintln!("no row succeeded: the table in {} stays as it is", plan.out.display());
        return Ok(true);
    }
    for (name, text) in
        [("table1.md", table.markdown(&pictures)), ("table1.csv", table.csv()), ("table1.json", json + "\n")]
    {
        let path = plan.out.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    println!("{}", table.text());
    eprintln!("written to {}: table1.md, table1.csv, table1.json, pictures", plan.out.display());
    let failed = table.halves.iter().flat_map(|half| &half.lines).any(|line| line.cells.is_err());
    if failed {
        eprintln!("some rows failed; their logs are in {}", plan.out.join("logs").display());
    }
    Ok(failed)
}

/// A row with one seed.
struct Run {
    row: Row,
    seed: u64,
    /// Summary and scores by checkpoint, or why there are none.
    result: Result<(Summary, [Eval; 2]), String>,
}

struct Collected {
    /// By half in use.
    baselines: Vec<(usize, Result<Baseline, String>)>,
    runs: Vec<Run>,
}

impl Collected {
    fn read(plan: &Plan, outcomes: &[Outcome]) -> Self {
        let halves = plan.halves_in_use();
        let (of_halves, of_rows) = outcomes.split_at(halves.len());
        let baselines = halves.into_iter().zip(of_halves);
        let baselines = baselines.map(|(half, outcome)| {
            (half, check(outcome).and_then(|()| results::read(&plan.baseline_file(half)).map_err(one_line)))
        });
        let runs = plan.trainings().into_iter().zip(of_rows).map(|((row, seed), outcome)| {
            let dir = plan.run_dir(row, seed);
            let result = check(outcome).and_then(|()| read_run(&dir).map_err(one_line));
            Run { row, seed, result }
        });
        Self { baselines: baselines.collect(), runs: runs.collect() }
    }

    fn table(&self, plan: &Plan) -> Table {
        let halves = self.baselines.iter().map(|(half, baseline)| {
            let name = plan.halves[*half].name.clone();
            let mut lines = vec![baseline_line(baseline)];
            for row in plan.rows.iter().filter(|row| row.half == *half) {
                lines.extend(self.row_lines(*row));
                // The paper's numbers are of its images: they say nothing about the user's own.
                let paper = TABLE_1.iter().find(|p| p.half == name && p.method == row.method);
                if let Some(paper) = paper.filter(|_| plan.halves[*half].own.is_none()) {
                    let cells = Ok(paper_cells(paper.latent, paper.reference));
                    lines.push(Line { label: row.method.title().into(), source: "paper", cells });
                }
            }
            Half { name, lines }
        });
        Table { halves: halves.collect(), caption: self.caption(plan) }
    }

    /// One line a checkpoint, or one that says why there are none.
    fn row_lines(&self, row: Row) -> Vec<Line> {
        let label = row.method.title().to_owned();
        let runs = self
            .runs
            .iter()
            .filter(|run| run.row == row)
            .map(|run| run.result.as_ref().map(|(_, evals)| evals).map_err(|reason| (run.seed, reason)));
        match runs.collect::<Result<Vec<_>, _>>() {
            Ok(runs) => (0..CHECKPOINTS.len())
                .map(|i| {
                    let evals: Vec<Eval> = runs.iter().map(|evals| evals[i].clone()).collect();
                    Line { label: label.clone(), source: CHECKPOINTS[i], cells: Ok(cells(&evals)) }
                })
                .collect(),
            Err((seed, reason)) => {
                let many = self.runs.iter().filter(|run| run.row == row).count() > 1;
                let reason = if many { format!("seed {seed}: {reason}") } else { reason.clone() };
                vec![Line { label, source: "", cells: Err(reason) }]
            }
        }
    }

    fn caption(&self, plan: &Plan) -> Vec<String> {
        let good: Vec<&(Summary, [Eval; 2])> = self.runs.iter().filter_map(|run| run.result.as_ref().ok()).collect();
        let baselines: Vec<&Baseline> = self.baselines.iter().filter_map(|(_, b)| b.as_ref().ok()).collect();
        let headers: Vec<&Header> =
            good.iter().map(|(_, evals)| &evals[0].header).chain(baselines.iter().map(|b| &b.header)).collect();
        let first =
            |pick: fn(&Header) -> Option<String>| headers.iter().find_map(|h| pick(h)).unwrap_or_else(|| "?".into());
        let (fd, pd) = (first(|h| h.fd_name.clone()), first(|h| h.pd_name.clone()));
        let data = match &plan.halves[0].own {
            Some(dir) => dir.display().to_string(),
            None if plan.profile == Profile::Sample => "the procedural sample world".into(),
            None => "data/seasons and data/weather".into(),
        };
        let seeds: Vec<String> = plan.seeds.iter().map(u64::to_string).collect();
        let mut settings = format!("Profile {}; data: {data}; seeds: {}", plan.profile.name(), seeds.join(", "));
        if seeds.len() > 1 {
            settings += " (mean ± sample standard deviation)";
        }
        if !plan.sets.is_empty() {
            settings += &format!("; with {}", plan.sets.join(", "));
        }
        let mut caption = vec![
            format!("{settings}."),
            format!(
                "FD: Fréchet distance of outputs and training images, {fd}. PD: perceptual distance between outputs of \
                 one source (diversity), {pd}. Both are means over ordered pairs of domains. Acc.: share of outputs \
                 that a classifier of real images takes for the target domain; it sees images from afar, their sides \
                 made {} times smaller.",
                first(|h| h.classified_at.map(|n| n.to_string())),
            ),
            format!(
                "Images: {0} x {0} pixels, {1} sources and {2} training images a domain, {3} outputs a source.",
                first(|h| h.img_size.map(|n| n.to_string())),
                by_half(headers.iter().map(|h| per_domain(&h.sources_per_domain))),
                by_half(headers.iter().map(|h| per_domain(&h.reals_per_domain))),
                first(|h| h.num_outs.map(|n| n.to_string())),
            ),
        ];
        if !good.is_empty() {
            let numbers = |pick: fn(&Summary) -> String| {
                let mut seen: Vec<String> = good.iter().map(|(summary, _)| pick(summary)).collect();
                seen.sort();
                seen.dedup();
                seen.join(", ")
            };
            let minutes = |row: &Row| {
                let runs = self.runs.iter().filter(|run| run.row == *row).filter_map(|run| run.result.as_ref().ok());
                let times: Vec<f64> = runs.map(|(summary, _)| summary.seconds / 60.0).collect();
                let mean = times.iter().sum::<f64>() / times.len() as f64;
                let name = format!("{}/{}", plan.halves[row.half].name, row.method.name());
                (!times.is_empty()).then(|| format!("{name} {mean:.1}"))
            };
            let minutes: Vec<String> = plan.rows.iter().filter_map(minutes).collect();
            caption.push(format!(
                "Training: {} on {} with {} thread(s) a row, {} row(s) at a time; minutes a run: {}.",
                numbers(|s| match s.warmup {
                    0 => format!("{} iterations", s.iterations),
                    warmup => format!("{} iterations after {warmup} of warm-up", s.iterations),
                }),
                numbers(|s| s.device.as_deref().unwrap_or("?").to_lowercase()),
                numbers(|s| s.threads.map_or("?".into(), |t| t.to_string())),
                plan.parallel,
                minutes.join(", ")
            ));
        }
        let real: Vec<String> =
            baselines.iter().filter_map(|b| b.real_accuracy).map(|a| format!("{:.1}%", a * 100.0)).collect();
        if !real.is_empty() {
            caption.push(format!("The classifier's accuracy on real validation images: {}.", real.join(", ")));
        }
        if plan.rows.iter().any(|row| row.method == Method::Lsesim) {
            caption.push(
                "`+ LSeSim` alone trains with ImageNet features, and they are of the very network that its scores come \
                 from: see docs/fidelity.md."
                    .into(),
            );
        }
        if plan.halves[0].own.is_none() {
            caption.push(
                "Lines `paper` are FID (Inception) and LPIPS (AlexNet) of the paper's Table 1, at its sizes and on its \
                 data. They cannot be compared with FD and PD here, which have another extractor, data and size; only \
                 the order of methods can."
                    .into(),
            );
        }
        caption
    }

    fn json(&self, plan: &Plan, table: &Table) -> Value {
        let raw = |path: &Path| {
            fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default()
        };
        let halves = self.baselines.iter().map(|(half, baseline)| {
            let baseline = match baseline {
                Ok(_) => raw(&plan.baseline_file(*half)),
                Err(reason) => json!({"failed": reason}),
            };
            let runs = self.runs.iter().filter(|run| run.row.half == *half).map(|run| {
                let dir = plan.run_dir(run.row, run.seed);
                let mut entry = json!({"method": run.row.method.name(), "seed": run.seed, "run": dir});
                match &run.result {
                    Ok(_) => {
                        entry["summary"] = raw(&dir.join("summary.json"));
                        for checkpoint in CHECKPOINTS {
                            entry[checkpoint] = raw(&eval_file(&dir, checkpoint));
                        }
                    }
                    Err(reason) => entry["failed"] = json!(reason),
                }
                entry
            });
            json!({"half": plan.halves[*half].name, "no_translation": baseline, "runs": runs.collect::<Vec<_>>()})
        });
        let paper = TABLE_1.iter().map(|row| {
            let scores = |[fid, lpips]: [f64; 2]| json!({"fid": fid, "lpips": lpips});
            json!({
                "half": row.half,
                "method": row.method.name(),
                "latent": scores(row.latent),
                "reference": scores(row.reference),
            })
        });
        json!({
            "profile": plan.profile.name(),
            "seeds": plan.seeds,
            "set": plan.sets,
            "device": plan.device,
            "threads": plan.threads,
            "jobs": plan.parallel,
            "halves": halves.collect::<Vec<_>>(),
            "paper": paper.collect::<Vec<_>>(),
            "caption": table.caption,
        })
    }
}

fn baseline_line(baseline: &Result<Baseline, String>) -> Line {
    // Outputs that are the source do not differ: there is no PD.
    let cells = baseline.as_ref().map(|b| same_cells([b.fd.mean, None, b.target_accuracy.mean])).map_err(Clone::clone);
    Line { label: "no translation".into(), source: "", cells }
}

fn read_run(dir: &Path) -> Result<(Summary, [Eval; 2])> {
    let [last, best] = CHECKPOINTS.map(|checkpoint| results::read::<Eval>(&eval_file(dir, checkpoint)));
    Ok((results::read(&dir.join("summary.json"))?, [last?, best?]))
}

fn check(outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Failed(reason) => Err(reason.clone()),
        Outcome::Interrupted => Err("interrupted".into()),
    }
}

fn one_line(error: anyhow::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

/// Values that differ between halves, each once.
fn by_half(values: impl Iterator<Item = Option<String>>) -> String {
    let mut seen: Vec<String> = vec![];
    for value in values.flatten() {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    if seen.is_empty() { "?".into() } else { seen.join(" or ") }
}
