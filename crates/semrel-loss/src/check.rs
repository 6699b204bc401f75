//! What every public function asks of its tensors before it computes: element type, device, shape.

use crate::LossError;
use tch::{Device, Kind, Tensor};

/// A tensor of an argument, by the name that errors call it.
pub(crate) type Named<'a> = (&'static str, &'a Tensor);

/// Fails unless losses can be computed in the tensor's element type and it holds an element.
pub(crate) fn floats((what, tensor): Named<'_>) -> Result<(), LossError> {
    if !matches!(tensor.kind(), Kind::Float | Kind::Double) {
        return Err(LossError::ElementType { what, found: tensor.kind() });
    }
    not_empty((what, tensor))
}

fn not_empty((what, tensor): Named<'_>) -> Result<(), LossError> {
    if tensor.numel() == 0 { Err(LossError::Empty { what, shape: tensor.size() }) } else { Ok(()) }
}

/// Fails unless all are [`floats`] of one element type on one device.
pub(crate) fn alike<'a>(tensors: impl IntoIterator<Item = Named<'a>>) -> Result<(), LossError> {
    let mut first = None;
    for (what, tensor) in tensors {
        floats((what, tensor))?;
        let (other, kind, device) = *first.get_or_insert((what, tensor.kind(), tensor.device()));
        same_kind((what, tensor.kind()), (other, kind))?;
        same_device((what, tensor.device()), (other, device))?;
    }
    Ok(())
}

fn same_kind((what, found): (&'static str, Kind), (other, expected): (&'static str, Kind)) -> Result<(), LossError> {
    if found == expected { Ok(()) } else { Err(LossError::ElementTypes { what, found, other, expected }) }
}

fn same_device(
    (what, found): (&'static str, Device),
    (other, expected): (&'static str, Device),
) -> Result<(), LossError> {
    if found == expected { Ok(()) } else { Err(LossError::Devices { what, found, other, expected }) }
}

/// Fails unless both have the same shape; nothing is broadcast.
pub(crate) fn same_shape((what, tensor): Named<'_>, (_, other): Named<'_>) -> Result<(), LossError> {
    if tensor.size() == other.size() {
        Ok(())
    } else {
        Err(LossError::Shape { what, found: tensor.size(), expected: format!("{:?}", other.size()) })
    }
}

/// Fails unless the tensor has this many dimensions, which `expected` names.
pub(crate) fn rank((what, tensor): Named<'_>, dimensions: usize, expected: &str) -> Result<(), LossError> {
    if tensor.dim() == dimensions {
        Ok(())
    } else {
        Err(LossError::Shape { what, found: tensor.size(), expected: expected.to_owned() })
    }
}

/// Fails unless `positions` are a vector of indices for maps of `area` positions on `device`.
///
/// Their range is looked at on the CPU only: on an accelerator the program would have to wait for the answer.
pub(crate) fn positions(positions: &Tensor, area: i64, device: Device) -> Result<(), LossError> {
    let what = "positions";
    if positions.kind() != Kind::Int64 {
        return Err(LossError::Positions { found: positions.kind() });
    }
    rank((what, positions), 1, "[patches]")?;
    not_empty((what, positions))?;
    same_device((what, positions.device()), ("feature maps", device))?;
    if positions.device() == Device::Cpu {
        let (least, most) = (positions.min().int64_value(&[]), positions.max().int64_value(&[]));
        if let Some(position) = [least, most].into_iter().find(|at| !(0..area).contains(at)) {
            return Err(LossError::Position { position, area });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: &[i64], kind: Kind) -> Tensor {
        Tensor::zeros(shape, (kind, Device::Cpu))
    }

    #[test]
    fn only_single_and_double_precision_pass() {
        for kind in [Kind::Half, Kind::BFloat16, Kind::Int64, Kind::Int, Kind::Uint8, Kind::Bool, Kind::ComplexFloat] {
            let error = floats(("queries", &of(&[2], kind))).unwrap_err();
            assert_eq!(error, LossError::ElementType { what: "queries", found: kind });
        }
        assert_eq!((floats(("q", &of(&[2], Kind::Float))), floats(("q", &of(&[], Kind::Double)))), (Ok(()), Ok(())));
    }

    #[test]
    fn no_element_is_an_error() {
        let error = floats(("queries", &of(&[0, 3], Kind::Float))).unwrap_err();
        assert_eq!(error, LossError::Empty { what: "queries", shape: vec![0, 3] });
        assert_eq!(error.to_string(), "queries have shape [0, 3], which holds no element");
    }

    #[test]
    fn element_types_do_not_mix() {
        let (single, double) = (of(&[2], Kind::Float), of(&[2], Kind::Double));
        let error = alike([("queries", &double), ("keys", &single)]).unwrap_err();
        let (found, expected) = (Kind::Float, Kind::Double);
        assert_eq!(error, LossError::ElementTypes { what: "keys", found, other: "queries", expected });
    }

    #[test]
    fn devices_do_not_mix() {
        // Stands for tensors of two devices, of which most machines have one.
        let error = same_device(("keys", Device::Cuda(1)), ("queries", Device::Cpu)).unwrap_err();
        let text = "keys are on Cuda(1), queries on Cpu; both must be on the same device";
        assert_eq!(error.to_string(), text);
        assert_eq!(same_device(("keys", Device::Cuda(1)), ("queries", Device::Cuda(1))), Ok(()));
    }

    #[test]
    fn positions_are_indices_of_the_map() {
        let check = |ids: &Tensor| positions(ids, 9, Device::Cpu);
        assert_eq!(check(&Tensor::from_slice(&[0i64, 8])), Ok(()));
        for outside in [-1i64, 9] {
            let error = check(&Tensor::from_slice(&[3, outside])).unwrap_err();
            assert_eq!(error, LossError::Position { position: outside, area: 9 });
        }
        assert_eq!(check(&Tensor::from_slice(&[1f32])), Err(LossError::Positions { found: Kind::Float }));
        assert!(matches!(check(&of(&[0], Kind::Int64)), Err(LossError::Empty { .. })));
        assert!(matches!(check(&of(&[2, 2], Kind::Int64)), Err(LossError::Shape { .. })));
        let elsewhere = positions(&of(&[2], Kind::Int64), 9, Device::Cuda(0));
        assert!(matches!(elsewhere, Err(LossError::Devices { what: "positions", .. })));
    }
}
