//! Settings of MUNIT's networks as cases tell them, under the names that this project gives them.

use serde_json::{Value, json};

/// Of an auto-encoder, from `input_dim` (or that of domain a) and `gen`.
pub fn generator(config: &Value) -> Value {
    let g = &config["gen"];
    json!({
        "channels": channels(config), "width": g["dim"], "mlp_width": g["mlp_dim"], "style_dim": g["style_dim"],
        "halvings": g["n_downsample"], "blocks": g["n_res"], "activation": g["activ"], "pad": g["pad_type"],
    })
}

/// Of a discriminator, from `input_dim` (or that of domain a) and `dis`.
pub fn discriminator(config: &Value) -> Value {
    let d = &config["dis"];
    json!({
        "channels": channels(config), "width": d["dim"], "layers": d["n_layer"], "scales": d["num_scales"],
        "norm": d["norm"], "activation": d["activ"], "pad": d["pad_type"],
    })
}

fn channels(config: &Value) -> i64 {
    config["input_dim"].as_i64().or(config["input_dim_a"].as_i64()).unwrap_or(3)
}
