//! Measures.
use semrel_metrics::{EfficientNetLite0, Extractor, extractor::*};
use std::time::Instant;
use tch::{Device, Kind, Tensor};
fn main() {
    let net = EfficientNetLite0::load(Device::Cpu).unwrap();
    let x = Tensor::randn([32, 3, 224, 224], (Kind::Float, Device::Cpu));
    let cl = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    for (n, x) in [("nchw", &x), ("nhwc", &cl), ("nchw", &x), ("nhwc", &cl)] {
        let t = Instant::now();
        let _ = net.features(x);
        println!("{n} {:?}", t.elapsed());
    }
    let dir = std::path::Path::new("/work/shared/data/weather/");
    for split in ["train", "val"] {
        for d in ["cloudy", "rain", "shine", "sunrise"] {
            let t = Instant::now();
            let f = features_of_folder(&net, &dir.join(split).join(d), &mut |_| ()).unwrap();
            println!("{split} {d} {:?} {:?}", f.size(), t.elapsed());
            f.save(format!("/tmp/w/feat_{split}_{d}.pt")).unwrap();
        }
    }
}
