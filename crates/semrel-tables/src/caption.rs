//! What is said below a table.

use super::chosen;
use super::collected::{Collected, Finished};
use super::compared;
use super::evaluated::{Baselined, Evaluated, Terms};
use super::further;
use super::plan::Plan;
use super::profile::Profile;
use super::results::each;
use super::rows::Row;
use super::spec::Method;

/// Settings, scores, images, training, and how the paper's numbers are to be read.
pub fn write(plan: &Plan, collected: &Collected) -> Vec<String> {
    let finished: Vec<&Finished> = collected.runs.iter().filter_map(|run| run.result.as_ref().ok()).collect();
    let baselines: Vec<&Baselined> =
        collected.baselines.iter().filter_map(|(_, baseline)| baseline.as_ref().ok()).collect();
    let evaluations: Vec<&Evaluated> = finished.iter().map(|run| &run.evals[0]).collect();
    let mut caption = vec![settings(plan)];
    caption.extend(plan.spec.program.describe(&evaluations, &baselines));
    caption.extend(further::caption(&evaluations));
    if !finished.is_empty() {
        caption.push(training(plan, collected, &finished));
    }
    let terms: Vec<Terms> = plan.datasets_in_use().into_iter().flat_map(|dataset| collected.terms(dataset)).collect();
    let mut methods: Vec<&Method> = vec![];
    for row in &plan.rows {
        if !methods.iter().any(|m| m.name == plan.method(*row).name) {
            methods.push(plan.method(*row));
        }
    }
    caption.extend(chosen::caption(&terms, plan.best_on_test));
    caption.extend((plan.spec.notes)(plan.profile, &methods, &terms));
    caption.extend(compared::sentences(plan, collected));
    if plan.datasets[0].own.is_none() {
        caption.extend(plan.spec.beside.map(str::to_owned));
    }
    caption
}

fn settings(plan: &Plan) -> String {
    let dataset = &plan.datasets[0];
    let data = match &dataset.own {
        Some(dir) if dataset.settings.is_empty() => dir.display().to_string(),
        Some(dir) => format!("{} ({})", dir.display(), dataset.settings.join(", ")),
        None if dataset.paper.is_none() => "as the configuration names them".into(),
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
        let times: Vec<f64> = runs.map(|run| run.summary.seconds() / 60.0).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        (!times.is_empty()).then(|| format!("{} {mean:.1}", plan.name(*row)))
    };
    let minutes: Vec<String> = plan.rows.iter().filter_map(minutes).collect();
    // Where rows have different stages, these are named.
    let stages = plan.spec.program.stages(plan.spec.methods[0].name);
    let named = plan.spec.methods.iter().any(|method| plan.spec.program.stages(method.name) != stages);
    format!(
        "Training: {} on {}; threads per row: {}; rows at a time: {}; minutes per run: {}.",
        differing(&|run| run.summary.length(named)),
        differing(&|run| run.summary.device()),
        differing(&|run| run.summary.threads().to_string()),
        plan.parallel,
        minutes.join(", ")
    )
}
