//! Scores of sets and their resamples.

use super::text;
use semrel_metrics::bootstrap::{IntervalKind, PairedLists, frechet_difference, resampled_difference};
use semrel_metrics::fd_infinity::{fd_infinity, sizes};
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::mmd::{Pairs, rbf_mmd2};
use semrel_metrics::prdc::{Inside, Prdc, prdc, radii};
use semrel_metrics::{Activations, MetricsError};
use semrel_testkit::{Case, Outcome};
use tch::{Kind, Tensor};

pub fn scores(case: &Case) -> Outcome {
    let (real, fake, k) = (case.input("real"), case.input("fake"), case.i64("nearest_k"));
    let of = |inside| prdc(&real, &fake, k, inside);
    if case.json["refused_by_rule"] == true {
        return match of(Inside::Strict) {
            Err(MetricsError::TooFew { .. }) => Ok(()),
            other => Err(format!("{other:?} where no radius exists")),
        };
    }
    for (name, set) in [("out.radius_real", &real), ("out.radius_fake", &fake)] {
        if case.has(name) {
            case.check(name, &radii(set, k).map_err(text)?)?;
        }
    }
    let (strict, non_strict) = (of(Inside::Strict).map_err(text)?, of(Inside::NonStrict).map_err(text)?);
    let (values, mut compared) = (&case.json["values"], 0);
    for (of, got) in [
        (&values["prdc"], strict),
        (&values["by_rule"]["strict"], strict),
        (&values["by_rule"]["non_strict"], non_strict),
        (&values["torch_fidelity"], non_strict),
    ] {
        let Prdc { precision, recall, density, coverage } = got;
        for (name, got) in [
            ("precision", precision),
            ("recall", recall),
            ("density", density),
            ("coverage", coverage),
            ("f_score", got.f_score()),
        ] {
            // Not every program has every score.
            if !of[name].is_null() {
                case.check_number_against(name, &of[name], got)?;
                compared += 1;
            }
        }
    }
    if compared == 0 { Err("no score to compare".to_owned()) } else { Ok(()) }
}

pub fn rbf(case: &Case) -> Outcome {
    let (x, y) = (case.input("x"), case.input("y"));
    for (name, pairs) in [("biased", Pairs::Biased), ("unbiased", Pairs::Unbiased)] {
        let got = rbf_mmd2(&x, &y, case.f64("sigma"), pairs).map_err(text)?;
        case.check_number(name, got * case.f64("scale"))?;
    }
    Ok(())
}

pub fn infinity(case: &Case) -> Outcome {
    let real = Activations::new(&case.input("real"), MeanPrecision::Double).map_err(text)?;
    let (fake, rows) = (case.input("fake"), case.input("indices").to_kind(Kind::Int64));
    let told: Vec<usize> =
        case.config()["sizes"].as_array().into_iter().flatten().filter_map(|n| Some(n.as_u64()? as usize)).collect();
    let own = sizes(fake.size()[0] as usize, case.i64("min_fake") as usize, case.i64("num_points") as usize);
    if own != told {
        return Err(format!("sizes {own:?}, expected {told:?}"));
    }
    let rows = Vec::<i64>::try_from(rows).map_err(text)?;
    let mut rest = rows.as_slice();
    let mut lists = vec![];
    for size in told {
        let (list, others) = rest.split_at(size);
        lists.push(list.to_vec());
        rest = others;
    }
    let got = fd_infinity(&real, &fake, &lists, true).map_err(text)?;
    case.check_numbers("fd_at_size", &got.points.iter().map(|(_, d)| *d).collect::<Vec<_>>())?;
    case.check_number("fd_infinity", got.distance)?;
    case.check_number("slope", got.slope)?;
    case.check_number("fd_all", got.points.last().ok_or("no points")?.1)
}

pub fn paired_bootstrap(case: &Case) -> Outcome {
    let of_seeds = |name: &str| case.input(name).unbind(0);
    let (a, b, real) = (of_seeds("a"), of_seeds("b"), case.input("real"));
    let lists = |name: &str| -> Result<Vec<Vec<i64>>, String> {
        let rows = case.input(name).to_kind(Kind::Int64).unbind(0);
        rows.into_iter().map(|row: Tensor| Vec::try_from(row).map_err(text)).collect()
    };
    let (seeds, pictures, reals) = (lists("seed_lists")?, lists("picture_lists")?, lists("real_lists")?);
    let lists: Vec<PairedLists> = seeds
        .into_iter()
        .zip(pictures)
        .zip(reals)
        .map(|((seeds, pictures), real)| PairedLists { seeds, pictures, real })
        .collect();
    let real_set = Activations::new(&real, MeanPrecision::Double).map_err(text)?;
    for (name, sets) in [("fid_a", &a), ("fid_b", &b)] {
        let distance = |set: &Tensor| -> Result<f64, MetricsError> {
            real_set.distance(&Activations::new(set, MeanPrecision::Double)?)
        };
        case.check_numbers(name, &sets.iter().map(distance).collect::<Result<Vec<_>, _>>().map_err(text)?)?;
    }
    let (difference, resamples) = frechet_difference(&a, &b, &real, &lists).map_err(text)?;
    case.check_number("difference", difference)?;
    case.check_numbers("bootstrap", &resamples)?;
    let resampled = resampled_difference(&a, &b, &real, &lists).map_err(text)?;
    for (name, kind) in [("interval_centred", IntervalKind::Centred), ("interval_percentile", IntervalKind::Percentile)]
    {
        let interval = resampled.interval(kind, case.f64("level")).map_err(text)?;
        case.check_numbers(name, &[interval.low, interval.high])?;
    }
    Ok(())
}
