//! The layout of `torch.save` before PyTorch 1.6: a magic number, a protocol version, facts about the machine, the
//! object, the list of storage keys (five pickles), then for each key its number of elements (8 bytes) and its elements,
//! little-endian whatever the machine.

use super::error::{Fault, malformed};
use super::node::{Node, StorageRef};
use super::pickle::Pickle;
use super::storage::{Storages, byte_length};
use super::value::Value;
use std::collections::HashMap;

const PROTOCOL_VERSION: i128 = 1001;

pub(super) fn read(bytes: &[u8]) -> Result<Value, Fault> {
    let mut rest = bytes;
    next(&mut rest, "magic number")?;
    let version = next(&mut rest, "protocol version")?;
    if version.nodes[version.root] != Node::Int(PROTOCOL_VERSION) {
        return malformed(format!("the protocol version is not {PROTOCOL_VERSION}"));
    }
    next(&mut rest, "machine description")?;
    let object = next(&mut rest, "object")?;
    let keys = next(&mut rest, "list of storages")?;
    let storages = read_storages(&object, &keys, rest)?;
    Value::build(&object, &storages)
}

fn next<'a>(rest: &mut &'a [u8], what: &str) -> Result<Pickle<'a>, Fault> {
    let pickle = Pickle::read(rest).map_err(|fault| match fault {
        Fault::Malformed(why) => Fault::Malformed(format!("{what}: {why}")),
        refused => refused,
    })?;
    *rest = &rest[pickle.length..];
    Ok(pickle)
}

fn read_storages(object: &Pickle, keys: &Pickle, mut rest: &[u8]) -> Result<Storages, Fault> {
    let mut described: HashMap<&str, &StorageRef> = HashMap::new();
    for storage in object.storages() {
        described.entry(storage.key).or_insert(storage);
    }
    let Node::List(list) = &keys.nodes[keys.root] else { return malformed("the list of storages is not a list") };
    let mut storages = Storages::default();
    for &id in list {
        let Node::Str(key) = keys.nodes[id] else { return malformed("a storage key that is not a string") };
        let Some(storage) = described.get(key) else { return malformed(format!("no tensor uses storage {key}")) };
        let length = byte_length(storage)?;
        let Some((count, after)) = rest.split_first_chunk::<8>() else {
            return malformed(format!("cut short before storage {key}"));
        };
        let count = u64::from_le_bytes(*count);
        if count != storage.numel as u64 {
            return malformed(format!("storage {key} has {count} elements, its tensors expect {}", storage.numel));
        }
        if after.len() < length {
            return malformed(format!("cut short in storage {key}: {length} bytes wanted, {} left", after.len()));
        }
        storages.insert(storage, &after[..length])?;
        rest = &after[length..];
    }
    Ok(storages)
}
