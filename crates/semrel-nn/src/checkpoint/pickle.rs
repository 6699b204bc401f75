//! A pickle reader that builds values and runs nothing.
//!
//! A pickle is a program for a stack machine. The instructions read here are those with which `torch.save` builds
//! tensors, numbers, strings and containers (protocols 2 to 5); the two that could run code, REDUCE and NEWOBJ, accept
//! only the few globals of [`super::globals::Global`]. Everything built lies in one flat arena and refers to other objects by
//! index, so that neither deep nesting nor a cycle can exhaust the call stack, and a limit on the number of objects keeps a
//! forged file from exhausting memory.

use super::error::Fault;
use super::machine;
use super::node::{Node, NodeId, StorageRef};

/// What one pickle built.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) root: NodeId,
    /// Bytes that the pickle took, its end mark included.
    pub(super) length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle at the start of `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (nodes, root, length) = machine::run(bytes)?;
        Ok(Self { nodes, root, length })
    }

    /// The storages that tensors refer to, in the order of their appearance.
    pub(super) fn storages(&self) -> impl Iterator<Item = &StorageRef<'a>> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(storage),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(bytes: &[u8]) -> Result<Node<'_>, Fault> {
        Pickle::read(bytes).map(|p| p.nodes[p.root].clone())
    }

    #[test]
    fn integers_of_all_widths() {
        for (bytes, value) in [
            (&b"\x80\x02K\xff."[..], 255),
            (b"\x80\x02M\xff\xff.", 65535),
            (b"\x80\x02J\xfe\xff\xff\xff.", -2),
            (b"\x80\x02\x8a\x00.", 0),
            (b"\x80\x02\x8a\x02\x00\x80.", -32768),
            (b"\x80\x02\x8a\x05\xff\xff\xff\xff\x00.", 0xffff_ffff),
        ] {
            assert_eq!(root(bytes).unwrap(), Node::Int(value));
        }
        assert!(root(b"\x80\x02\x8a\xff.").is_err());
    }

    #[test]
    fn protocol_four_frames_names_and_memo() {
        // {'k': 1.5} twice in a list, the second from the memo.
        let mut bytes = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00]\x94(}\x94\x8c\x01k\x94G".to_vec();
        bytes.extend_from_slice(&1.5f64.to_be_bytes());
        bytes.extend_from_slice(b"sh\x01e.");
        let pickle = Pickle::read(&bytes).unwrap();
        let Node::List(items) = &pickle.nodes[pickle.root] else { panic!("a list") };
        assert_eq!(items[0], items[1]);
        let Node::Dict(entries) = &pickle.nodes[items[0]] else { panic!("a dict") };
        assert_eq!(pickle.nodes[entries[0].1], Node::Float(1.5));
        assert_eq!(pickle.length, bytes.len());
    }

    #[test]
    fn foreign_globals_are_refused_by_name_before_anything_is_called() {
        for bytes in [
            &b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."[..],
            b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.",
            b"\x80\x02ctorch.storage\n_load_from_bytes\nC\x01a\x85R.",
            b"\x80\x02c__builtin__\neval\n.",
            b"\x80\x02ctorch\nload\n.",
        ] {
            assert!(matches!(root(bytes), Err(Fault::Refused(_))), "{bytes:?}");
        }
    }

    #[test]
    fn broken_programs_are_errors() {
        for bytes in [
            &b""[..],
            b".",
            b"\x80\x07.",
            b"\x80\x02t.",
            b"\x80\x02(.",
            b"\x80\x02N(\x85.",
            b"\x80\x02Nq",
            b"\x80\x02h\x00.",
            b"\x80\x02}K\x01u.",
            b"\x80\x02}(K\x01u.",
            b"\x80\x02Na.",
            b"\x80\x02X\xff\xff\xff\xffa.",
            b"\x80\x02NQ.",
            b"\x80\x02N)R.",
            b"\x80\x02NNb.",
            b"\x80\x02cos\nsys",
            b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.",
        ] {
            assert!(matches!(root(bytes), Err(Fault::Malformed(_))), "{bytes:?}");
        }
    }
}
