use std::time::Instant;
use tch::{Device, Kind, Tensor};
fn faer_mat(t: &Tensor) -> faer::Mat<f64> {
    let s = t.size();
    let v: Vec<f64> = Vec::try_from(t.reshape([-1])).unwrap();
    faer::Mat::from_fn(s[0] as usize, s[1] as usize, |i, j| v[i * s[1] as usize + j])
}
fn main() {
    let d = 1280;
    let x = Tensor::randn([1500, d], (Kind::Double, Device::Cpu));
    let s = x.tr().matmul(&x);
    let t = Instant::now();
    let (l, _v) = s.linalg_eigh("L");
    println!("torch eigh {:?} {}", t.elapsed(), l.double_value(&[0]));
    let t = Instant::now();
    let l = s.linalg_eigvalsh("L");
    println!("torch eigvalsh {:?} {}", t.elapsed(), l.double_value(&[0]));
    let m = faer_mat(&s);
    let t = Instant::now();
    let e = m.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
    println!("faer eigvals {:?} {}", t.elapsed(), e[0]);
    let t = Instant::now();
    let e = m.self_adjoint_eigen(faer::Side::Lower).unwrap();
    println!("faer eigen {:?} {}", t.elapsed(), e.S().column_vector()[0]);
    let c = x.narrow(0, 0, 500).matmul(&x.narrow(0, 500, 800).tr());
    let t = Instant::now();
    let l = c.svd(true, false).1;
    println!("torch svdvals {:?} {}", t.elapsed(), l.double_value(&[0]));
    let m = faer_mat(&c);
    let t = Instant::now();
    println!("faer svd {:?} {}", t.elapsed(), m.singular_values().unwrap()[0]);
    println!("faer svd {:?}", t.elapsed());
}
