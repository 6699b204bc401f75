//! The choice of the validation part.

use semrel_data::validation::{ContentDigest, SplitRule, pair_digest};
use semrel_testkit::{Case, Outcome};
use serde_json::Value;

fn digest(hex_digits: &Value) -> Result<ContentDigest, String> {
    let text = hex_digits.as_str().ok_or("a digest is a string")?;
    let mut digest = ContentDigest::default();
    hex::decode_to_slice(text, &mut digest).map_err(|e| e.to_string())?;
    Ok(digest)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub fn val_split(case: &Case) -> Outcome {
    let values = &case.json["values"];
    let rule = SplitRule {
        permille: case.i64("permille") as u32,
        minimum: case.i64("minimum") as usize,
        salt: case.config()["salt"].as_str().ok_or("config.salt")?.to_owned(),
    };
    let of_pair = |entry: &Value| Ok(pair_digest(&digest(&entry["sha256_a"])?, &digest(&entry["sha256_b"])?));
    let (entries, digests): (_, Result<Vec<_>, String>) = match (values["files"].as_array(), values["pairs"].as_array())
    {
        (Some(files), _) => (files, files.iter().map(|file| digest(&file["sha256"])).collect()),
        (None, Some(pairs)) => (pairs, pairs.iter().map(of_pair).collect()),
        (None, None) => return Err("neither files nor pairs".to_owned()),
    };
    let digests = digests?;
    for (got, want) in digests.iter().zip(values["pair_sha256"].as_array().into_iter().flatten()) {
        if hex::encode(got) != want.as_str().unwrap_or_default() {
            return Err(format!("digest of a pair: {}, expected {want}", hex::encode(got)));
        }
    }
    let Some(split) = rule.split(&digests) else {
        return if values["val"].is_null() { Ok(()) } else { Err("refused, expected a split".to_owned()) };
    };
    let name = |file: &usize| entries[*file]["name"].as_str().unwrap_or_default();
    let val: Vec<&str> = split.val.iter().map(name).collect();
    // The vectors' list of training files is made by name: it lacks all files that share one with a validation file.
    let train: Vec<&str> = split.train.iter().map(name).filter(|name| !val.contains(name)).collect();
    let got = (val, train, split.distinct as u64, split.val_distinct as u64);
    let number = |key: &str| values[key].as_u64().unwrap_or_default();
    let want = (names(&values["val"]), names(&values["train"]), number("distinct"), number("val_distinct"));
    if got == want { Ok(()) } else { Err(format!("{got:?}, expected {want:?}")) }
}
