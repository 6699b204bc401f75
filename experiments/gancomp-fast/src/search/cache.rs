//! What was found out about configurations, kept on disk as it is found out.
//!
//! A file of JSON lines: `{"of": "fd", "key": "…", "channels": "16_16_…", "value": 61.03}`. `of` says what the value is (a
//! Fréchet distance, a mean IoU, milliseconds), `key` what it depends on besides the configuration: weights, images, extractor,
//! machine. A line is appended and synced for each value, so that a search killed at any moment goes on where it was; a last
//! line that a kill cut short is dropped.

use anyhow::{Context, Result, bail};
use semrel_nn::channels::Channels;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a value is, and what it depends on besides the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    of: String,
    digest: String,
}

impl Key {
    /// Values called `of` under the conditions that `parts` spell out; equal parts make equal keys.
    pub fn new(of: &str, parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self { of: of.to_owned(), digest: hex::encode(&digest.finalize()[..16]) }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    of: String,
    key: String,
    channels: Channels,
    value: f64,
}

/// Values by what they are and of which configuration.
type Values = HashMap<(Key, Channels), f64>;

/// Values of configurations, and their file.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    file: File,
    values: Values,
}

impl Cache {
    /// Opens a file of values, or starts one.
    ///
    /// # Errors
    /// Names the file, and a line that is not a value (unless it is the last, which a kill may have cut short).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let name = || format!("{}: the values of earlier evaluations", path.display());
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).with_context(name)?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).with_context(name)?;
        let (values, whole) = read(&bytes, &path)?;
        if whole < bytes.len() {
            tracing::warn!("{}: a last line that was cut short is dropped", path.display());
            file.set_len(whole as u64).with_context(name)?;
        }
        file.seek(SeekFrom::Start(whole as u64)).with_context(name)?;
        Ok(Self { path, file, values })
    }

    /// The value of a configuration, if it is known.
    pub fn get(&self, key: &Key, channels: &Channels) -> Option<f64> {
        self.values.get(&(key.clone(), *channels)).copied()
    }

    /// Keeps a value; it is on disk when this returns.
    ///
    /// # Errors
    /// A value that is NaN or infinite; a file that cannot be written.
    pub fn put(&mut self, key: &Key, channels: &Channels, value: f64) -> Result<()> {
        if !value.is_finite() {
            bail!("{} of {channels} is {value}; are all weights of the super-net finite?", key.of);
        }
        let line = Line { of: key.of.clone(), key: key.digest.clone(), channels: *channels, value };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        // One write a line: what a kill leaves is a beginning of it.
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("{}: cannot be written", self.path.display()))?;
        self.values.insert((key.clone(), *channels), value);
        Ok(())
    }

    /// Configurations of which a value of this name is known under other keys alone.
    pub fn elsewhere(&self, key: &Key) -> HashSet<Channels> {
        let others = self.values.keys().filter(|(other, _)| other.of == key.of && other != key);
        others.map(|(_, channels)| *channels).filter(|channels| self.get(key, channels).is_none()).collect()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of values of a key.
    pub fn count(&self, key: &Key) -> usize {
        self.values.keys().filter(|(k, _)| k == key).count()
    }
}

/// Values of whole lines, and how many bytes these are.
fn read(bytes: &[u8], path: &Path) -> Result<(Values, usize)> {
    let (mut values, mut whole) = (HashMap::new(), 0);
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let last = lines.peek().is_none();
        match serde_json::from_slice::<Line>(line) {
            Ok(entry) if line.ends_with(b"\n") => {
                values.insert((Key { of: entry.of, digest: entry.key }, entry.channels), entry.value);
                whole += line.len();
            }
            Ok(_) => {}
            Err(_) if last => {}
            Err(error) => bail!(
                "{}: line {} is not a value ({error}); expected {{\"of\", \"key\", \"channels\", \"value\"}}. Remove the line, or \
                 the file to evaluate everything again",
                path.display(),
                number + 1
            ),
        }
    }
    Ok((values, whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn config(text: &str) -> Channels {
        text.parse().unwrap()
    }

    #[test]
    fn values_stay_under_their_key_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evaluations.jsonl");
        let (a, b) = (Key::new("fd", &["weights", "images"]), Key::new("fd", &["weightsi", "mages"]));
        let c = config("16_16_32_16_16_64_16_24");
        let mut cache = Cache::open(&path).unwrap();
        cache.put(&a, &c, 1.5).unwrap();
        cache.put(&Key::new("miou", &["weights", "images"]), &c, 30.0).unwrap();
        assert!(cache.put(&a, &config("8_8_8_8_8_8_8_8"), f64::NAN).unwrap_err().to_string().contains("NaN"));
        drop(cache);
        let cache = Cache::open(&path).unwrap();
        assert_eq!((cache.get(&a, &c), cache.get(&b, &c), cache.count(&a)), (Some(1.5), None, 1));
    }

    #[test]
    fn what_other_keys_alone_know_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(dir.path().join("evaluations.jsonl")).unwrap();
        let (old, new, other) = (Key::new("fd", &["old"]), Key::new("fd", &["new"]), Key::new("miou", &["old"]));
        for (key, width) in [(&old, 1), (&old, 2), (&new, 2), (&other, 3)] {
            cache.put(key, &Channels::full(width), 1.0).unwrap();
        }
        assert_eq!(cache.elsewhere(&new), [Channels::full(1)].into());
        assert!(cache.elsewhere(&old).is_empty());
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_damaged_one_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evaluations.jsonl");
        let (key, c) = (Key::new("fd", &["x"]), config("16_16_32_16_16_64_16_24"));
        let d = config("16_16_32_16_16_64_16_16");
        let mut cache = Cache::open(&path).unwrap();
        cache.put(&key, &c, 0.1 + 0.2).unwrap();
        let whole = fs::read(&path).unwrap();
        cache.put(&key, &d, 2.0).unwrap();
        drop(cache);
        let both = fs::read(&path).unwrap();
        for cut in whole.len()..both.len() {
            fs::write(&path, &both[..cut]).unwrap();
            let mut cache = Cache::open(&path).unwrap();
            assert_eq!((cache.get(&key, &c), cache.get(&key, &d)), (Some(0.1 + 0.2), None), "cut to {cut}");
            assert_eq!(fs::read(&path).unwrap(), whole);
            cache.put(&key, &d, 2.0).unwrap();
            assert_eq!(fs::read(&path).unwrap(), both);
        }
        // A whole line of zeros, as a lost page leaves it.
        fs::write(&path, [&whole[..], &[0; 40], b"\n"].concat()).unwrap();
        assert_eq!(Cache::open(&path).unwrap().count(&key), 1);
        fs::write(&path, [b"{\"of\":\"fd\"}\n", &whole[..]].concat()).unwrap();
        let text = format!("{:#}", Cache::open(&path).unwrap_err());
        assert!(text.contains("evaluations.jsonl: line 1") && text.contains("channels"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn what_was_put_comes_back(values in prop::collection::vec((0usize..3, 1i64..9, -1e300..1e300f64), 0..20)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("c.jsonl");
            let keys = ["a", "b", "c"].map(|part| Key::new("fd", &[part]));
            let mut want = HashMap::new();
            let mut cache = Cache::open(&path).unwrap();
            for (k, width, value) in values {
                let channels = Channels::full(width);
                cache.put(&keys[k], &channels, value).unwrap();
                want.insert((k, channels), value);
            }
            drop(cache);
            let cache = Cache::open(&path).unwrap();
            for ((k, channels), value) in &want {
                prop_assert_eq!(cache.get(&keys[*k], channels), Some(*value));
            }
            prop_assert_eq!(keys.iter().map(|k| cache.count(k)).sum::<usize>(), want.len());
        }

        #[test]
        fn cut_or_altered_files_never_panic(cut in 0.0..1.0f64, at in 0usize..400, byte: u8) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("c.jsonl");
            let mut cache = Cache::open(&path).unwrap();
            for width in 1..4 {
                cache.put(&Key::new("fd", &["x"]), &Channels::full(width), width as f64).unwrap();
            }
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..(whole.len() as f64 * cut) as usize]).unwrap();
            prop_assert!(Cache::open(&path).is_ok());
            let mut altered = whole.clone();
            let at = at % altered.len();
            altered[at] = byte;
            fs::write(&path, altered).unwrap();
            let _ = Cache::open(&path);
        }
    }
}
