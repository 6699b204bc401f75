//! Times the passes of the mobile generators, and other ways to compute their parts.
//!
//! `cargo run -p semrel-nn --example elastic_timing -- 256 1 5`: side, images a batch, repetitions. Two numbers a line: without
//! a graph, and forwards and backwards; medians in milliseconds, each way in turns.

use semrel_nn::Net;
use semrel_nn::channels::Channels;
use semrel_nn::mobile_resnet::{MobileConfig, SubMobileResnet, SuperMobileResnet};
use std::time::Instant;
use tch::{Device, Kind, Tensor};

type Way<'a> = (&'static str, Box<dyn Fn() -> Tensor + 'a>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<i64> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let [side, batch, repeats] = args[..] else { return Err("expected: SIDE BATCH REPEATS".into()) };
    let c: Channels = "16_16_32_16_16_64_16_24".parse()?;
    let wide = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &MobileConfig::published(64)));
    let narrow = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, &c));
    let x = Tensor::rand([batch, 3, side, side], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
    let view = wide.at(&c);
    time(
        "networks",
        repeats,
        &[
            ("stand-alone", Box::new(|| narrow.forward(&x))),
            ("super-net at c", Box::new(|| wide.forward(&x, &c))),
            ("its view, made once", Box::new(|| view.forward(&x))),
        ],
    );

    let (n, inner) = (c.trunk(), 4 * 64);
    let random = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let last = |x: &Tensor| x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    let (low, padded) = (random(&[batch, n, side / 4, side / 4]), random(&[batch, n, side / 4 + 2, side / 4 + 2]));
    let (low_last, padded_last) =
        (last(&low.detach()).set_requires_grad(true), last(&padded.detach()).set_requires_grad(true));
    let (depth, depth_bias) = (random(&[n, 1, 3, 3]), random(&[n]));
    let depth_wise = |x: &Tensor| x.conv2d(&depth, Some(&depth_bias), [1], [0], [1], n);
    let by_shifts = || {
        let rows = padded.unfold(2, 3, 1).unfold(3, 3, 1);
        (rows * depth.view([1, n, 1, 1, 3, 3])).sum_dim_intlist([4i64, 5].as_slice(), false, Kind::Float)
    };
    time(
        "depth-wise",
        repeats,
        &[
            ("conv2d", Box::new(|| depth_wise(&padded))),
            ("conv2d, channels last", Box::new(|| depth_wise(&padded_last))),
            ("windows", Box::new(by_shifts)),
        ],
    );
    let (point, whole, bias) = (random(&[inner, n, 1, 1]), random(&[256, 256, 1, 1]), random(&[inner]));
    let product = || {
        let rows = low.flatten(2, 3);
        (point.view([inner, n]).matmul(&rows) + bias.view([-1, 1])).view([batch, inner, side / 4, side / 4])
    };
    let sliced = || whole.narrow(0, 0, inner).narrow(1, 0, n);
    time(
        "point-wise",
        repeats,
        &[
            ("conv2d", Box::new(|| low.conv2d(&point, Some(&bias), [1], [0], [1], 1))),
            ("conv2d, slice", Box::new(|| low.conv2d(&sliced(), Some(&bias), [1], [0], [1], 1))),
            (
                "conv2d, slice made contiguous",
                Box::new(|| low.conv2d(&sliced().contiguous(), Some(&bias), [1], [0], [1], 1)),
            ),
            ("conv2d, channels last", Box::new(|| low_last.conv2d(&point, Some(&bias), [1], [0], [1], 1))),
            ("matrix product", Box::new(product)),
        ],
    );
    for (channels, side, title) in [(n, side / 4, "norm, trunk"), (c.values()[7], side, "norm, full size")] {
        let map = random(&[batch, channels, side, side]);
        let map_last = last(&map.detach()).set_requires_grad(true);
        let none = None::<Tensor>;
        let group = |x: &Tensor| x.group_norm(channels, none.as_ref(), none.as_ref(), 1e-5, true);
        let instance = |x: &Tensor| {
            x.instance_norm(none.as_ref(), none.as_ref(), none.as_ref(), none.as_ref(), true, 0.1, 1e-5, true)
        };
        let layer = |x: &Tensor| x.layer_norm([side, side], none.as_ref(), none.as_ref(), 1e-5, true);
        time(
            title,
            repeats,
            &[
                ("instance norm", Box::new(|| instance(&map))),
                ("group norm", Box::new(|| group(&map))),
                ("layer norm", Box::new(|| layer(&map))),
                ("group norm, channels last", Box::new(|| group(&map_last))),
                ("reflection pad 1", Box::new(|| map.reflection_pad2d([1; 4]))),
                ("rectifier", Box::new(|| map.relu())),
            ],
        );
    }
    Ok(())
}

/// Prints the median time of each way, without a graph and with one.
fn time(title: &str, repeats: i64, ways: &[Way]) {
    let clock = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    let mut times = vec![(vec![], vec![]); ways.len()];
    for round in 0..=repeats {
        for ((_, way), (without, with)) in ways.iter().zip(&mut times) {
            let plain = clock(&|| drop(tch::no_grad(way)));
            let graph = clock(&|| way().square().sum(Kind::Float).backward());
            // The first round warms up.
            if round > 0 {
                without.push(plain);
                with.push(graph);
            }
        }
    }
    println!("{title}");
    for ((name, _), (mut without, mut with)) in ways.iter().zip(times) {
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        println!("  {name:<30} {:>9.3} {:>9.3}", median(&mut without), median(&mut with));
    }
}
