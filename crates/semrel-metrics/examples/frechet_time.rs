//! Times the way from features to a Fréchet distance at 2048 dimensions, and its bootstrap:
//!
//! ```text
//! cargo run -p semrel-metrics --example frechet_time
//! ```

use semrel_metrics::bootstrap::{self, Bootstrap};
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::{Activations, MetricsError, Statistics, frechet_distance};
use std::ops::ControlFlow;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

const DIMENSIONS: i64 = 2048;

fn main() -> Result<(), MetricsError> {
    let _guard = tch::no_grad_guard();
    tch::manual_seed(1);
    let options = (Kind::Double, Device::Cpu);
    let falling = (Tensor::arange(DIMENSIONS, options) * -0.003).exp();
    let mix = Tensor::randn([DIMENSIONS, DIMENSIONS], options) * falling;
    let features =
        |n: i64, scale: f64| (Tensor::randn([n, DIMENSIONS], options).matmul(&mix) * scale).to_kind(Kind::Float);
    for n in [120, 500, 2000, 5000] {
        let (x, y) = (features(n, 1.0), features(n, 1.1));
        let activations = |t: &Tensor| Activations::new(t, MeanPrecision::Double);
        let distance =
            timed(&format!("{n} × {n} images, from features"), || activations(&x)?.distance(&activations(&y)?))?;
        if n <= 500 {
            let bootstrap = Bootstrap::default();
            let mut go = |_| ControlFlow::Continue(());
            let resampled = timed(&format!("  {} resamples", bootstrap.resamples), || {
                bootstrap::frechet(&activations(&x)?, &activations(&y)?, &bootstrap, &mut go)
            })?;
            println!("  {distance:.1} ± {:.1}", resampled.standard_error());
        }
        let files = [&x, &y].map(|t| activations(t).map(|a| a.statistics()));
        let paths = [1, 2].map(|i| std::env::temp_dir().join(format!("frechet-{}-{i}.npz", std::process::id())));
        for (statistics, path) in files.into_iter().zip(&paths) {
            statistics?.write_npz(path)?;
        }
        let read = timed("two .npz files of statistics, read", || {
            Ok((Statistics::read_npz(&paths[0])?, Statistics::read_npz(&paths[1])?))
        })?;
        let from_statistics = timed("from these statistics", || frechet_distance(&read.0, &read.1))?;
        println!("  relative difference {:.1e}", (from_statistics / distance - 1.0).abs());
        // Nothing else to do where a temporary file cannot be removed.
        paths.iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
    Ok(())
}

fn timed<T>(what: &str, run: impl FnOnce() -> Result<T, MetricsError>) -> Result<T, MetricsError> {
    let start = Instant::now();
    let result = run()?;
    println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    Ok(result)
}
