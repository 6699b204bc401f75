//! Measures.
use tch::{Kind, Tensor};
fn acc(fx: &dyn Fn(&Tensor) -> Tensor, tr: &[Tensor], va: &[Tensor]) -> (f64, Vec<f64>) {
    let means = Tensor::stack(&tr.iter().map(|t| fx(t).mean_dim(0, false, Kind::Double)).collect::<Vec<_>>(), 0);
    let mut right = 0.0; let mut all = 0.0; let mut per = vec![];
    for (c, v) in va.iter().enumerate() {
        let d = Tensor::cdist(&fx(v), &means, 2.0, None::<i64>).argmin(1, false);
        let r = d.eq(c as i64).sum(Kind::Double).double_value(&[]);
        right += r; all += v.size()[0] as f64; per.push((1000.0 * r / v.size()[0] as f64).round() / 10.0);
    }
    (100.0 * right / all, per)
}
fn main() {
    let load = |s: &str| ["cloudy", "rain", "shine", "sunrise"].map(|d| Tensor::load(format!("/tmp/w/feat_{s}_{d}.pt")).unwrap().to_kind(Kind::Double));
    let (tr, va) = (load("train"), load("val"));
    let all = Tensor::cat(&tr, 0);
    let mu = all.mean_dim(0, true, Kind::Double);
    let total = (&all - &mu).square().mean_dim(0, true, Kind::Double).sqrt();
    let within_c: Vec<Tensor> = tr.iter().map(|t| t - t.mean_dim(0, true, Kind::Double)).collect();
    let w = Tensor::cat(&within_c, 0);
    let within = w.square().mean_dim(0, true, Kind::Double).sqrt();
    let cov = w.tr().matmul(&w) / (w.size()[0] as f64);
    let rules: Vec<(&str, Box<dyn Fn(&Tensor) -> Tensor>)> = vec![
        ("euclid", Box::new(|t| t.shallow_clone())),
        ("total std", Box::new({ let s = total.shallow_clone(); move |t| t / (&s + 1e-3) })),
        ("within std", Box::new({ let s = within.shallow_clone(); move |t| t / (&s + 1e-3) })),
        ("cosine", Box::new(|t| t / t.norm_scalaropt_dim(2.0, [1].as_slice(), true))),
        ("sqrt", Box::new(|t| t.sqrt())),
    ];
    for (n, f) in &rules {
        // both ways: train->val, val->train(as larger test)
        println!("{n}: val {:?}  reversed {:?}", acc(f, &tr, &va), acc(f, &va, &tr).0);
    }
    for shrink in [0.9, 0.5, 0.2, 0.05] {
        let diag = Tensor::eye(1280, (Kind::Double, tch::Device::Cpu)) * cov.trace() / 1280.0;
        let s = &cov * (1.0 - shrink) + diag * shrink;
        let l = Tensor::linalg_inv(&s).linalg_cholesky(false);
        let f = |t: &Tensor| t.matmul(&l);
        println!("lda {shrink}: {:?} {:?}", acc(&f, &tr, &va), acc(&f, &va, &tr).0);
    }
}
