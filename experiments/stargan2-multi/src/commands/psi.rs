//! `--psi`, the truncation of styles.

/// Parses `--psi`.
pub fn psi(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if value.abs() <= 100.0 { Ok(value) } else { Err("expected a number from -100 to 100".into()) }
}
