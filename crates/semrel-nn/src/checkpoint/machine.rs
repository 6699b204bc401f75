//! The stack machine that a pickle is a program for, without the instructions that could run code.

use super::error::{Fault, malformed};
use super::globals::Global;
use super::node::{Node, NodeId, StorageRef, TensorRef};
use std::collections::HashMap;

/// Maximum number of objects that a pickle may build. A large checkpoint has some ten thousand.
const MOST_NODES: usize = 4_000_000;

/// Maximum number of dimensions of a tensor, torch's own limit.
const MOST_DIMENSIONS: usize = 64;

/// Runs the pickle at the start of `bytes`: what it built, the result among it, and the number of bytes read.
pub(super) fn run(bytes: &[u8]) -> Result<(Vec<Node<'_>>, NodeId, usize), Fault> {
    let mut machine = Machine {
        bytes,
        at: 0,
        nodes: vec![],
        copied: 0,
        stack: vec![],
        marks: vec![],
        memo: HashMap::new(),
        memoized: 0,
    };
    let root = machine.run()?;
    Ok((machine.nodes, root, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
    /// Entries that calls copied from their arguments; they count as objects.
    copied: usize,
    stack: Vec<NodeId>,
    /// Heights of the stack at each open MARK.
    marks: Vec<usize>,
    memo: HashMap<u64, NodeId>,
    /// Number of objects that MEMOIZE has numbered.
    memoized: u64,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<NodeId, Fault> {
        loop {
            let start = self.at;
            match self.u8()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode).map_err(|fault| match fault {
                    Fault::Malformed(what) => Fault::Malformed(format!("pickle, byte {start}: {what}")),
                    refused => refused,
                })?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            0x80 => match self.u8()? {
                2..=5 => Ok(()),
                other => malformed(format!("protocol {other}; 2 to 5 are read")),
            },
            0x95 => self.take(8).map(|_| ()), // FRAME: the frame's length matters to streams only
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'K' => self.u8().and_then(|v| self.push(Node::Int(v.into()))),
            b'M' => self.array().and_then(|v| self.push(Node::Int(u16::from_le_bytes(v).into()))),
            b'J' => self.array().and_then(|v| self.push(Node::Int(i32::from_le_bytes(v).into()))),
            0x8a => self.u8().and_then(|n| self.long(n.into())),
            0x8b => self.u32().and_then(|n| self.long(n as usize)),
            b'G' => self.array().and_then(|v| self.push(Node::Float(f64::from_be_bytes(v)))),
            0x8c | b'U' => self.u8().and_then(|n| self.string(n.into())),
            b'X' | b'T' => self.u32().and_then(|n| self.string(n.into())),
            0x8d => self.u64().and_then(|n| self.string(n)),
            b'C' => self.u8().and_then(|n| self.byte_string(n.into())),
            b'B' => self.u32().and_then(|n| self.byte_string(n.into())),
            0x8e => self.u64().and_then(|n| self.byte_string(n)),
            b'}' => self.push(Node::Dict(vec![])),
            b']' => self.push(Node::List(vec![])),
            b')' => self.push(Node::Tuple(vec![])),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b't' => self.pop_mark().and_then(|items| self.push(Node::Tuple(items))),
            0x85..=0x87 => self.pop_many((opcode - 0x84).into()).and_then(|items| self.push(Node::Tuple(items))),
            b's' => self.pop_many(2).and_then(|items| self.set_items(&items)),
            b'u' => self.pop_mark().and_then(|items| self.set_items(&items)),
            b'a' => self.pop_many(1).and_then(|items| self.append(&items)),
            b'e' => self.pop_mark().and_then(|items| self.append(&items)),
            b'0' => self.pop().map(|_| ()),
            b'1' => self.pop_mark().map(|_| ()),
            b'q' => self.u8().and_then(|n| self.memoize(n.into())),
            b'r' => self.u32().and_then(|n| self.memoize(n.into())),
            0x94 => self.memoize(self.memoized),
            b'h' => self.u8().and_then(|n| self.recall(n.into())),
            b'j' => self.u32().and_then(|n| self.recall(n.into())),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Node::Global(Global::named(module, name)?))
            }
            0x93 => {
                let parts = self.pop_many(2)?;
                let (module, name) = (self.text(parts[0])?, self.text(parts[1])?);
                self.push(Node::Global(Global::named(module, name)?))
            }
            b'Q' => self.persistent_id(),
            b'R' | 0x81 => self.call(),
            b'b' => self.build(),
            other => malformed(format!("instruction 0x{other:02x}, which torch.save does not write")),
        }
    }

    // --- reading ---

    fn take(&mut self, n: u64) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(n).ok().filter(|&n| n <= rest.len()) {
            Some(n) => {
                self.at += n;
                Ok(&rest[..n])
            }
            None => malformed(format!("cut short: {n} bytes wanted, {} left", rest.len())),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N as u64).map(|bytes| bytes.try_into().expect("N bytes"))
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(|[v]| v)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    fn line(&mut self) -> Result<&'a str, Fault> {
        match self.bytes[self.at..].iter().position(|&b| b == b'\n') {
            Some(n) => self.take(n as u64 + 1).and_then(|line| utf8(&line[..n])),
            None => malformed("cut short within a name"),
        }
    }

    /// A two's-complement integer of `n` bytes.
    fn long(&mut self, n: usize) -> Result<(), Fault> {
        let bytes = self.take(n as u64)?;
        if n > 16 {
            return malformed(format!("an integer of {n} bytes"));
        }
        let mut value = [if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 }; 16];
        value[..n].copy_from_slice(bytes);
        self.push(Node::Int(i128::from_le_bytes(value)))
    }

    fn string(&mut self, n: u64) -> Result<(), Fault> {
        let text = self.take(n).and_then(utf8)?;
        self.push(Node::Str(text))
    }

    fn byte_string(&mut self, n: u64) -> Result<(), Fault> {
        let bytes = self.take(n)?;
        self.push(Node::Bytes(bytes))
    }

    // --- stack and memo ---

    fn push(&mut self, node: Node<'a>) -> Result<(), Fault> {
        if self.nodes.len() + self.copied >= MOST_NODES {
            return malformed(format!("more than {MOST_NODES} objects"));
        }
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
        Ok(())
    }

    /// Height below which the innermost open MARK protects the stack.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<NodeId, Fault> {
        if self.stack.len() <= self.floor() {
            return malformed("the stack is empty");
        }
        Ok(self.stack.pop().expect("above the floor"))
    }

    fn pop_many(&mut self, n: usize) -> Result<Vec<NodeId>, Fault> {
        if self.stack.len() < self.floor() + n {
            return malformed("the stack is empty");
        }
        Ok(self.stack.split_off(self.stack.len() - n))
    }

    fn pop_mark(&mut self) -> Result<Vec<NodeId>, Fault> {
        match self.marks.pop() {
            Some(floor) => Ok(self.stack.split_off(floor)),
            None => malformed("no open mark"),
        }
    }

    fn top(&self) -> Result<NodeId, Fault> {
        match self.stack[self.floor()..].last() {
            Some(&id) => Ok(id),
            None => malformed("the stack is empty"),
        }
    }

    fn memoize(&mut self, n: u64) -> Result<(), Fault> {
        let id = self.top()?;
        self.memo.insert(n, id);
        self.memoized += 1;
        Ok(())
    }

    fn recall(&mut self, n: u64) -> Result<(), Fault> {
        match self.memo.get(&n) {
            Some(&id) => {
                self.stack.push(id);
                Ok(())
            }
            None => malformed(format!("object {n} is not in the memo")),
        }
    }

    // --- building ---

    fn set_items(&mut self, items: &[NodeId]) -> Result<(), Fault> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top().map(|id| &mut self.nodes[id])? {
            Node::Dict(entries) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            Node::Dict(_) => malformed("a dictionary key without value"),
            _ => malformed("items for something that is not a dictionary"),
        }
    }

    fn append(&mut self, items: &[NodeId]) -> Result<(), Fault> {
        match self.top().map(|id| &mut self.nodes[id])? {
            Node::List(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => malformed("items for something that is not a list"),
        }
    }

    /// `('storage', class, key, location, numel)`, in legacy files followed by a window or `None`.
    fn persistent_id(&mut self) -> Result<(), Fault> {
        let id = self.pop()?;
        let parts = self.arguments(id)?;
        let label = parts.first().map(|&p| self.text(p)).transpose()?;
        match label {
            Some("storage") if parts.len() >= 5 => {}
            Some("module") => return malformed("a whole module was saved; save its state_dict() instead"),
            _ => return malformed("a persistent identifier that is not a storage"),
        }
        let Node::Global(Global::Storage(kind)) = self.nodes[parts[1]] else {
            return malformed("a storage without its class");
        };
        let (key, numel) = (self.text(parts[2])?, self.index(parts[4])?);
        let window = match parts.get(5).map(|&p| &self.nodes[p]) {
            None | Some(Node::None) => None,
            Some(Node::Tuple(window)) if window.len() == 3 => Some((self.index(window[1])?, self.index(window[2])?)),
            Some(_) => return malformed("a storage with a strange window"),
        };
        self.push(Node::Storage(StorageRef { key, kind, numel, window }))
    }

    fn call(&mut self) -> Result<(), Fault> {
        let parts = self.pop_many(2)?;
        let Node::Global(global) = self.nodes[parts[0]] else {
            return malformed("a call of something that is not a function");
        };
        let args = self.arguments(parts[1])?;
        match (global, args.as_slice()) {
            (Global::OrderedDict, []) => self.push(Node::Dict(vec![])),
            (Global::OrderedDict, &[pairs]) => {
                let entries = self.pairs(pairs)?;
                self.copied += entries.len();
                self.push(Node::Dict(entries))
            }
            (Global::RebuildTensor, &[storage, offset, size, stride, ..]) => {
                if !matches!(self.nodes[storage], Node::Storage(_)) {
                    return malformed("a tensor without storage");
                }
                let offset = self.int(offset)?;
                let (size, stride) = (self.ints(size)?, self.ints(stride)?);
                self.copied += size.len() + stride.len();
                self.push(Node::Tensor(TensorRef { storage, offset, size, stride }))
            }
            (Global::Parameter, &[data, ..]) if matches!(self.nodes[data], Node::Tensor(_)) => {
                self.stack.push(data);
                Ok(())
            }
            (Global::Size, &[sizes]) => {
                self.tuple(sizes)?;
                self.stack.push(sizes);
                Ok(())
            }
            (Global::Device, &[name, ..]) => {
                let name = self.text(name)?;
                self.push(Node::Str(name))
            }
            _ => malformed(format!("{global:?} called with strange arguments")),
        }
    }

    /// State of an object: of an OrderedDict its attributes (torch's module versions), of a parameter its flags. Neither
    /// matters here.
    fn build(&mut self) -> Result<(), Fault> {
        self.pop()?;
        match self.top().map(|id| &self.nodes[id])? {
            Node::Dict(_) | Node::Tensor(_) => Ok(()),
            _ => malformed("a state for something that has none"),
        }
    }

    // --- arguments ---

    fn tuple(&self, id: NodeId) -> Result<&[NodeId], Fault> {
        match &self.nodes[id] {
            Node::Tuple(items) => Ok(items),
            _ => malformed("a tuple was expected"),
        }
    }

    /// The first items of a tuple: as many as any function here takes.
    fn arguments(&self, id: NodeId) -> Result<Vec<NodeId>, Fault> {
        Ok(self.tuple(id)?.iter().take(8).copied().collect())
    }

    fn pairs(&self, id: NodeId) -> Result<Vec<(NodeId, NodeId)>, Fault> {
        let items = |id: NodeId| match &self.nodes[id] {
            Node::List(items) | Node::Tuple(items) => Ok(items),
            _ => malformed("a list of pairs was expected"),
        };
        let pair = |&id: &NodeId| match items(id)?.as_slice() {
            &[key, value] => Ok((key, value)),
            other => malformed(format!("a pair of {} items", other.len())),
        };
        items(id)?.iter().map(pair).collect()
    }

    fn text(&self, id: NodeId) -> Result<&'a str, Fault> {
        match self.nodes[id] {
            Node::Str(text) => Ok(text),
            _ => malformed("a string was expected"),
        }
    }

    fn int(&self, id: NodeId) -> Result<i64, Fault> {
        match self.nodes[id] {
            Node::Int(value) => i64::try_from(value).or_else(|_| malformed(format!("{value} is out of range"))),
            _ => malformed("an integer was expected"),
        }
    }

    fn index(&self, id: NodeId) -> Result<usize, Fault> {
        let value = self.int(id)?;
        usize::try_from(value).or_else(|_| malformed(format!("{value} is negative")))
    }

    /// Sizes or strides.
    fn ints(&self, id: NodeId) -> Result<Vec<i64>, Fault> {
        let items = self.tuple(id)?;
        if items.len() > MOST_DIMENSIONS {
            return malformed(format!("a tensor of {} dimensions", items.len()));
        }
        items.iter().map(|&id| self.int(id)).collect()
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).or_else(|_| malformed("a string that is not UTF-8"))
}
