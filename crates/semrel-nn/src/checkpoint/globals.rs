//! The few functions and classes that a pickle may name. All others are refused.

use super::error::Fault;
use tch::Kind;

/// The functions and classes that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`, or the older one without the last two.
    RebuildTensor,
    /// `_rebuild_parameter(data, requires_grad, hooks)` or `Parameter(data)`.
    Parameter,
    /// `torch.Size(tuple)`.
    Size,
    /// `torch.device(type, index)`.
    Device,
    /// A storage class, which is never called, only named in persistent identifiers.
    Storage(Kind),
    /// A `torch.dtype`.
    Dtype(Kind),
}

impl Global {
    /// The global of this module and name.
    pub(super) fn named(module: &str, name: &str) -> Result<Self, Fault> {
        let kind = |table: &[(&str, Kind)]| table.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind);
        let found = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") | ("torch.nn.parameter", "Parameter") => Some(Self::Parameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch", "device") => Some(Self::Device),
            ("torch", _) => kind(STORAGES).map(Self::Storage).or_else(|| kind(DTYPES).map(Self::Dtype)),
            ("torch.cuda", _) => kind(STORAGES).map(Self::Storage),
            _ => None,
        };
        found.ok_or_else(|| Fault::Refused(format!("{module}.{name}")))
    }
}

const STORAGES: &[(&str, Kind)] = &[
    ("FloatStorage", Kind::Float),
    ("DoubleStorage", Kind::Double),
    ("HalfStorage", Kind::Half),
    ("BFloat16Storage", Kind::BFloat16),
    ("LongStorage", Kind::Int64),
    ("IntStorage", Kind::Int),
    ("ShortStorage", Kind::Int16),
    ("CharStorage", Kind::Int8),
    ("ByteStorage", Kind::Uint8),
    ("BoolStorage", Kind::Bool),
];

const DTYPES: &[(&str, Kind)] = &[
    ("float32", Kind::Float),
    ("float64", Kind::Double),
    ("float16", Kind::Half),
    ("bfloat16", Kind::BFloat16),
    ("int64", Kind::Int64),
    ("int32", Kind::Int),
    ("int16", Kind::Int16),
    ("int8", Kind::Int8),
    ("uint8", Kind::Uint8),
    ("bool", Kind::Bool),
];
