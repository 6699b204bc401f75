//! What a pickle builds: objects that refer to each other by index.

use super::globals::Global;
use tch::Kind;

/// Index of an object in the arena of a pickle.
pub(super) type NodeId = usize;

/// An object that the pickle built.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    List(Vec<NodeId>),
    Tuple(Vec<NodeId>),
    /// A dict or an OrderedDict, in the order of insertion.
    Dict(Vec<(NodeId, NodeId)>),
    Global(Global),
    Storage(StorageRef<'a>),
    Tensor(TensorRef),
}

/// A storage as a persistent identifier names it. Its device is not kept: all storages are read to the CPU.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StorageRef<'a> {
    pub(super) key: &'a str,
    pub(super) kind: Kind,
    /// Elements of the whole storage.
    pub(super) numel: usize,
    /// First element and number of elements, where a legacy file makes the storage a window of another.
    pub(super) window: Option<(usize, usize)>,
}

/// A strided view of a storage, not yet checked against its size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorRef {
    pub(super) storage: NodeId,
    pub(super) offset: i64,
    pub(super) size: Vec<i64>,
    pub(super) stride: Vec<i64>,
}
