//! The example trains: its loss falls.

#[path = "../examples/toy.rs"]
#[allow(dead_code)]
mod toy;

#[test]
fn its_loss_falls() {
    let history = toy::train().unwrap();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&history[..5]), mean(&history[history.len() - 5..]));
    assert!(history.iter().all(|loss| loss.is_finite()), "{history:?}");
    assert!(last < first - 0.3, "{first} to {last}");
}
