//! What a PyTorch file holds, as a tree.

use super::StateDict;
use super::error::{Fault, malformed};
use super::globals::Global;
use super::node::{Node, NodeId};
use super::pickle::Pickle;
use super::storage::Storages;
use std::collections::BTreeMap;
use tch::Tensor;

/// Deepest nesting of a tree, and the longest path of keys to a value in bytes.
const DEEPEST: usize = 64;
const LONGEST_PATH: usize = 1024;

/// Most values of a tree: a pickle of a few bytes can describe endless ones, by naming one object again and again. A file that
/// torch wrote has fewer than one per byte.
const MOST_VALUES: usize = 4_000_000;
const MOST_VALUES_PER_BYTE: usize = 4;
const ALWAYS_ALLOWED: usize = 1024;

/// What a tensor counts for: its bookkeeping is as large as that of many numbers.
const TENSOR_COST: usize = 16;
/// Bytes of a text that count for a value.
const TEXT_COST: usize = 16;

/// A value of a PyTorch file.
#[derive(Debug)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// A string; also the name of a `torch.device`.
    Str(String),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A `torch.dtype`.
    Kind(tch::Kind),
    /// A list, a tuple or a `torch.Size`.
    List(Vec<Value>),
    /// A dict or an OrderedDict. Integer keys are written in decimal.
    Dict(BTreeMap<String, Value>),
    /// A tensor on the CPU. Tensors that shared a storage share memory.
    Tensor(Tensor),
}

impl Value {
    pub(super) fn build(pickle: &Pickle, storages: &Storages) -> Result<Self, Fault> {
        let most = (pickle.length.saturating_mul(MOST_VALUES_PER_BYTE)).saturating_add(ALWAYS_ALLOWED).min(MOST_VALUES);
        Builder { pickle, storages, most, values: 0 }.value(pickle.root, 0, 0)
    }

    /// The entry of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The tensors of the tree, under the keys (or list positions) that lead to them, joined with dots.
    ///
    /// A `module.` that starts all keys of a dictionary is dropped: `DataParallel` puts it there. Values that are no
    /// tensors are left out. Tensors share memory with the tree's.
    ///
    /// # Errors
    /// The key that two tensors would share.
    pub fn flatten(&self) -> Result<StateDict, String> {
        let mut tensors = BTreeMap::new();
        self.collect("", &mut tensors)?;
        Ok(tensors)
    }

    fn collect(&self, key: &str, tensors: &mut StateDict) -> Result<(), String> {
        let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        match self {
            Self::Tensor(_) if tensors.contains_key(key) => return Err(key.to_owned()),
            Self::Tensor(tensor) => {
                tensors.insert(key.to_owned(), tensor.shallow_clone());
            }
            Self::List(items) => {
                for (position, item) in items.iter().enumerate() {
                    item.collect(&below(&position.to_string()), tensors)?;
                }
            }
            Self::Dict(entries) => {
                let mut skip = 0;
                while !entries.is_empty() && entries.keys().all(|name| name[skip..].starts_with("module.")) {
                    skip += "module.".len();
                }
                for (name, value) in entries {
                    value.collect(&below(&name[skip..]), tensors)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

struct Builder<'p, 'a> {
    pickle: &'p Pickle<'a>,
    storages: &'p Storages,
    most: usize,
    values: usize,
}

impl Builder<'_, '_> {
    /// Counts what is about to be built.
    fn count(&mut self, cost: usize) -> Result<(), Fault> {
        self.values += cost;
        match self.values > self.most {
            true => malformed(format!("more than {} values in a pickle of {} bytes", self.most, self.pickle.length)),
            false => Ok(()),
        }
    }

    /// The value `id`, below `depth` containers and keys of `path` bytes.
    fn value(&mut self, id: NodeId, depth: usize, path: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return malformed(format!("values are nested more than {DEEPEST} deep"));
        }
        if path > LONGEST_PATH {
            return malformed(format!("the keys that lead to a value have more than {LONGEST_PATH} bytes"));
        }
        let pickle = self.pickle;
        self.count(match &pickle.nodes[id] {
            Node::Str(text) => 1 + text.len() / TEXT_COST,
            Node::Bytes(bytes) => 1 + bytes.len() / TEXT_COST,
            // The path is the name under which the tensor is kept.
            Node::Tensor(_) => TENSOR_COST + path / TEXT_COST,
            _ => 1,
        })?;
        Ok(match &pickle.nodes[id] {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Str(text) => Value::Str((*text).to_owned()),
            Node::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Node::List(items) | Node::Tuple(items) => {
                Value::List(items.iter().map(|&item| self.value(item, depth + 1, path)).collect::<Result<_, _>>()?)
            }
            Node::Dict(entries) => {
                let mut dict = BTreeMap::new();
                for &(key, value) in entries {
                    let name = match &pickle.nodes[key] {
                        Node::Str(text) => (*text).to_owned(),
                        Node::Int(number) => number.to_string(),
                        _ => return malformed("a dictionary key that is neither string nor integer"),
                    };
                    self.count(1 + name.len() / TEXT_COST)?;
                    let below = path + name.len() + 1;
                    dict.insert(name, self.value(value, depth + 1, below)?);
                }
                Value::Dict(dict)
            }
            Node::Global(Global::Dtype(kind)) => Value::Kind(*kind),
            Node::Global(_) => return malformed("a function or class in the place of a value"),
            Node::Storage(_) => return malformed("a bare storage in the place of a tensor"),
            Node::Tensor(view) => match &pickle.nodes[view.storage] {
                Node::Storage(storage) => Value::Tensor(self.storages.view(storage, view)?),
                _ => return malformed("a tensor without storage"),
            },
        })
    }
}
