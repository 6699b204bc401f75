//! Times the passes of the mobile generators, and other ways to compute their parts.
//!
//! `cargo run -p semrel-nn --features testing --example elastic_timing -- 256 1 5`: side, images per batch, rounds. Two numbers per line:
//! without a graph, and forwards and backwards; means in milliseconds of one core, the ways in turns. (What else the
//! machine does hardly shows: it is this thread's time on the processor that counts. Linux only.)

use semrel_nn::Net;
use semrel_nn::channels::Channels;
use semrel_nn::mobile_resnet::{MobileConfig, SubMobileResnet, SuperMobileResnet};
use tch::{Device, Kind, Tensor};

type Way<'a> = (&'static str, Box<dyn Fn() -> Tensor + 'a>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tch::set_num_threads(1);
    let args: Vec<i64> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let [side, batch, rounds] = args[..] else { return Err("expected: SIDE BATCH ROUNDS".into()) };
    let c: Channels = "16_16_32_16_16_64_16_24".parse()?;
    let wide = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &MobileConfig::published(64)));
    let narrow = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, &c));
    let x = Tensor::rand([batch, 3, side, side], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
    let view = wide.at(&c);
    let published = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, &c).with_published_arithmetic());
    time(
        "networks",
        rounds,
        &[
            ("stand-alone", Box::new(|| narrow.forward(&x))),
            ("super-net at c", Box::new(|| wide.forward(&x, &c))),
            ("stand-alone, published", Box::new(|| published.forward(&x))),
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
        rounds,
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
        rounds,
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
            rounds,
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

/// Prints the mean time of each way over `rounds` rounds, without a graph and with one.
fn time(title: &str, rounds: i64, ways: &[Way]) {
    let mut times = vec![[(0.0, 0.0); 2]; ways.len()];
    for round in 0..=rounds {
        for ((_, way), sums) in ways.iter().zip(&mut times) {
            let plain = || drop(tch::no_grad(way));
            let graph = || way().square().sum(Kind::Float).backward();
            for (work, (spent, runs)) in [&plain as &dyn Fn(), &graph].into_iter().zip(sums) {
                let start = cpu_ms();
                // The kernel counts in steps of some milliseconds.
                while cpu_ms() - start < 60.0 {
                    work();
                    *runs += 1.0;
                }
                *spent += cpu_ms() - start;
                // The first round warms up.
                if round == 0 {
                    (*spent, *runs) = (0.0, 0.0);
                }
            }
        }
    }
    println!("{title}");
    for ((name, _), sums) in ways.iter().zip(times) {
        let [plain, graph] = sums.map(|(spent, runs)| spent / runs);
        println!("  {name:<30} {plain:>9.3} {graph:>9.3}");
    }
}

/// Milliseconds that this thread has computed so far.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}
