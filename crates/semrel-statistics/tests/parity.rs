//! Statistics against the reference vectors.

use semrel_statistics::{
    Candidate, Difference, Interval, Lists, PValues, Scores, choose, holm, permutation, share_below_zero, sign_flip,
    standard_deviation, t_interval,
};
use semrel_testkit::{Case, Outcome, run};
use serde_json::Value;
use tch::{Kind, Tensor};

fn main() {
    run(
        "semrel-statistics",
        &[
            ("metrics/checkpoint_choice", checkpoint_choice),
            ("metrics/holm", holm_cases),
            ("metrics/paired_statistics", paired_statistics),
            ("metrics/sign_flip", sign_flip_cases),
            ("metrics/two_sample_permutation", permutation_cases),
        ],
    )
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn cases(case: &Case) -> Result<&Vec<Value>, String> {
    case.json["cases"].as_array().filter(|all| !all.is_empty()).ok_or_else(|| "no cases".to_owned())
}

fn close(name: &str, got: f64, want: &Value) -> Outcome {
    let want = want.as_f64().ok_or_else(|| format!("no number {name}"))?;
    if (got - want).abs() <= 1e-12 + 1e-12 * want.abs() {
        return Ok(());
    }
    Err(format!("{name}: {got}, expected {want}"))
}

fn checkpoint_choice(case: &Case) -> Outcome {
    if case.config()["lower_is_better"] != true {
        return Err("a score of which more is better".into());
    }
    let v = &case.json["values"];
    let columns = ["steps", "val", "test"].map(|name| numbers(&v[name]));
    let candidate = |i: usize| Candidate { step: columns[0][i] as u64, val: columns[1][i], test: Some(columns[2][i]) };
    let candidates: Vec<Candidate> = (0..columns[0].len()).map(candidate).collect();
    let choice = choose(&candidates).ok_or("nothing is chosen")?;
    let test = |step: u64| candidates.iter().find(|c| c.step == step).and_then(|c| c.test).ok_or("no such step");
    let best = choice.best_on_test.ok_or("no best on test")?;
    for (name, step) in [("chosen", choice.chosen), ("last", choice.last), ("best_on_test", best)] {
        close(name, step as f64, &v[format!("{name}_step")])?;
        let score = if name == "best_on_test" { &v[name] } else { &v[format!("{name}_test")] };
        close(name, test(step)?, score)?;
    }
    case.check_number("optimism", choice.optimism.ok_or("no optimism")?)
}

fn holm_cases(case: &Case) -> Outcome {
    for c in cases(case)? {
        let (got, want) = (holm(&numbers(&c["p"])), numbers(&c["adjusted"]));
        let rejected: Vec<bool> =
            c["rejected_at_0.05"].as_array().into_iter().flatten().filter_map(Value::as_bool).collect();
        if got.len() != want.len() || got.iter().zip(&want).any(|(a, b)| (a - b).abs() > 1e-12) {
            return Err(format!("{}: {got:?}", c["p"]));
        }
        if !rejected.is_empty() && got.iter().map(|p| *p <= 0.05).ne(rejected) {
            return Err(format!("{}: rejected otherwise", c["p"]));
        }
    }
    Ok(())
}

fn sign_flip_cases(case: &Case) -> Outcome {
    for c in cases(case)? {
        let p = sign_flip(&numbers(&c["d"])).map_err(|e| e.to_string())?;
        for (name, got) in [("two_sided", p.two_sided), ("less", p.less), ("greater", p.greater)] {
            close(name, got, &c[name])?;
        }
    }
    Ok(())
}

fn permutation_cases(case: &Case) -> Outcome {
    for c in cases(case)? {
        let p = permutation(&numbers(&c["a"]), &numbers(&c["b"])).map_err(|e| e.to_string())?;
        for (name, got) in [("two_sided", p.two_sided), ("less", p.less), ("greater", p.greater)] {
            close(name, got, &c[name])?;
        }
        close("splits", p.arrangements as f64, &c["splits"])?;
    }
    Ok(())
}

fn lists(case: &Case, name: &str, n: usize) -> Result<Lists, String> {
    let rows: Tensor = case.input(name).to_kind(Kind::Int64);
    let row = |i| Vec::<i64>::try_from(rows.get(i)).map(|row| row.into_iter().map(|v| v as usize).collect::<Vec<_>>());
    let lists: Result<Vec<_>, _> = (0..rows.size()[0]).map(row).collect();
    Lists::new(lists.map_err(|e| e.to_string())?, n).map_err(|e| e.to_string())
}

/// Compares a number or a list of numbers, within the limits of the case.
fn compare(case: &Case, name: &str, got: &[f64], want: &Value) -> Outcome {
    let want = if want.is_array() { numbers(want) } else { want.as_f64().into_iter().collect() };
    let limit =
        |v: f64| case.json["atol"].as_f64().unwrap_or(1e-9) + case.json["rtol"].as_f64().unwrap_or(1e-6) * v.abs();
    if want.len() != got.len() || got.iter().zip(&want).any(|(a, b)| (a - b).abs() > limit(*b)) {
        return Err(format!("{name}: {got:?}, expected {want:?}"));
    }
    Ok(())
}

fn paired_statistics(case: &Case) -> Outcome {
    let x = case.input("scores").to_kind(Kind::Double);
    let size: Vec<usize> = x.size().iter().map(|&n| n as usize).collect();
    let row = |m: i64, s: i64| Vec::<f64>::try_from(x.get(m).get(s)).expect("a row of numbers");
    let of_method = |m: usize| (0..size[1]).map(|s| row(m as i64, s as i64)).collect();
    let scores = Scores::new((0..size[0]).map(of_method).collect()).map_err(|e| e.to_string())?;
    let (v, cells) = (&case.json["values"], scores.cells());
    let level = case.f64("level");
    for (m, cell) in cells.iter().enumerate() {
        compare(case, "seed_means", &cell.of_seeds, &v["seed_means"][m])?;
        compare(case, "mean", &[cell.mean], &v["mean"][m])?;
        compare(case, "sd", cell.deviation.as_slice(), &v["sd"][m])?;
    }
    let (seeds, pictures) = (lists(case, "seed_lists", size[1])?, lists(case, "picture_lists", size[2])?);
    let seeds_b = lists(case, "seed_lists_b", size[1])?;
    let comparisons = v["comparisons"].as_array().filter(|all| !all.is_empty()).ok_or("no comparisons")?;
    let mut p = vec![];
    for c in comparisons {
        let method = |name: &str| c[name].as_u64().map(|m| m as usize).ok_or("no method");
        let (a, b) = (method("a")?, method("b")?);
        let difference = Difference::new(&scores, a, b);
        let of_seeds = difference.of_seeds();
        compare(case, "difference", &[difference.estimate()], &c["difference"])?;
        compare(case, "seed_differences", &of_seeds, &c["seed_differences"])?;
        compare(case, "sd_of_seed_differences", &[difference.deviation()], &c["sd_of_seed_differences"])?;
        for (name, resamples) in [
            ("paired", difference.paired(&seeds, &pictures)),
            ("independent", difference.independent(&seeds, &seeds_b, &pictures)),
            ("pictures_only", difference.pictures_only(&pictures)),
        ] {
            let interval = Interval::of(&resamples, level);
            for (what, got) in [
                ("bootstrap", resamples.clone()),
                ("interval", vec![interval.low, interval.high]),
                ("standard_error", vec![standard_deviation(&resamples)]),
                ("share_below_zero", vec![share_below_zero(&resamples)]),
            ] {
                let key = format!("{what}_{name}");
                if let Some(want) = c.get(&key) {
                    compare(case, &key, &got, want)?;
                }
            }
        }
        let t = t_interval(&of_seeds, 0.95).ok_or("no t interval")?;
        compare(case, "t_interval_95", &[t.low, t.high], &c["t_interval_95"])?;
        p.push((
            sign_flip(&of_seeds).map_err(|e| e.to_string())?,
            permutation(&cells[a].of_seeds, &cells[b].of_seeds).map_err(|e| e.to_string())?,
        ));
    }
    check_tests(case, comparisons, &p)
}

/// p values of the comparisons, as they are and corrected.
fn check_tests(case: &Case, comparisons: &[Value], p: &[(PValues, PValues)]) -> Outcome {
    for (c, (flip, split)) in comparisons.iter().zip(p) {
        for (test, got) in [("sign_flip", flip), ("two_sample", split)] {
            for (key, got) in [("two_sided", got.two_sided), ("less", got.less), ("greater", got.greater)] {
                compare(case, test, &[got], &c[test][key])?;
            }
        }
        compare(case, "splits", &[split.arrangements as f64], &c["two_sample"]["splits"])?;
    }
    let two_sided =
        |of: fn(&(PValues, PValues)) -> PValues| holm(&p.iter().map(|p| of(p).two_sided).collect::<Vec<_>>());
    compare(case, "holm_sign_flip", &two_sided(|p| p.0), &case.json["values"]["holm_sign_flip"])?;
    compare(case, "holm_two_sample", &two_sided(|p| p.1), &case.json["values"]["holm_two_sample"])
}
