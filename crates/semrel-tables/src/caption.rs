//! What is said below a table.

use super::collected::{Collected, Finished};
use super::plan::Plan;
use super::profile::Profile;
use super::results::each;
use super::rows::Row;
use super::spec::Method;
use serde_json::Value;

/// Settings, scores, images, training, and how the paper's numbers are to be read.
pub fn write(plan: &Plan, collected: &Collected) -> Vec<String> {
    let finished: Vec<&Finished> = collected.runs.iter().filter_map(|run| run.result.as_ref().ok()).collect();
    let baselines = collected.baselines.iter().filter_map(|(_, baseline)| baseline.as_ref().ok());
    let results: Vec<&Value> = finished.iter().map(|run| &run.evals[0]).chain(baselines).collect();
    let mut caption = vec![settings(plan)];
    caption.extend(plan.spec.program.describe(&results));
    if !finished.is_empty() {
        caption.push(training(plan, collected, &finished));
    }
    let mut methods: Vec<&Method> = vec![];
    for row in &plan.rows {
        if !methods.iter().any(|m| m.name == plan.method(*row).name) {
            methods.push(plan.method(*row));
        }
    }
    caption.extend((plan.spec.notes)(plan.profile, &methods));
    if plan.datasets[0].own.is_none() {
        caption.push(plan.spec.paper.into());
    }
    caption
}

fn settings(plan: &Plan) -> String {
    let dataset = &plan.datasets[0];
    let data = match &dataset.own {
        Some(dir) if dataset.settings.is_empty() => dir.display().to_string(),
        Some(dir) => format!("{} ({})", dir.display(), dataset.settings.join(", ")),
        None if plan.profile == Profile::Sample => "the procedural sample world".into(),
        None => {
            let folders: Vec<String> =
                plan.spec.datasets.iter().map(|dataset| format!("data/{}", dataset.name)).collect();
            folders.join(" and ")
        }
    };
    let seeds: Vec<String> = plan.seeds.iter().map(u64::to_string).collect();
    let mut settings = format!("Profile {}; data: {data}; seeds: {}", plan.profile.name(), seeds.join(", "));
    if seeds.len() > 1 {
        settings += " (mean ± sample standard deviation)";
    }
    if !plan.sets.is_empty() {
        settings += &format!("; with {}", plan.sets.join(", "));
    }
    settings + "."
}

fn training(plan: &Plan, collected: &Collected, finished: &[&Finished]) -> String {
    let differing = |pick: &dyn Fn(&Finished) -> String| {
        let mut seen: Vec<String> = finished.iter().map(|run| pick(run)).collect();
        seen.sort();
        seen.dedup();
        each(seen.into_iter())
    };
    let minutes = |row: &Row| {
        let runs = collected.runs.iter().filter(|run| run.row == *row).filter_map(|run| run.result.as_ref().ok());
        let times: Vec<f64> = runs.map(|run| run.summary.seconds / 60.0).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        (!times.is_empty()).then(|| format!("{} {mean:.1}", plan.name(*row)))
    };
    let minutes: Vec<String> = plan.rows.iter().filter_map(minutes).collect();
    format!(
        "Training: {} on {} with {} thread(s) a row, {} row(s) at a time; minutes a run: {}.",
        differing(&|run| plan.spec.program.length(&run.raw_summary)),
        differing(&|run| run.summary.device.as_deref().unwrap_or("?").to_lowercase()),
        differing(&|run| run.summary.threads.map_or("?".into(), |t| t.to_string())),
        plan.parallel,
        minutes.join(", ")
    )
}
