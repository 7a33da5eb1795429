//! The compiled form of a script: its modules as bytecode, with what leads errors back to the author's lines.

/// Of this form and of no other; changes with it.
const MAGIC: &[u8; 8] = b"libosjs1";

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled<'a> {
    pub name: &'a str,
    pub mappings: &'a [u8],
    /// What stands in the text, and the module that it leads to.
    pub imports: Vec<(&'a str, &'a str)>,
    pub bytecode: &'a [u8],
}

/// Puts modules in a row; the first is the one whose exports are the tools.
pub fn write(modules: &[Compiled<'_>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    count(&mut bytes, modules.len());
    for module in modules {
        piece(&mut bytes, module.name.as_bytes());
        piece(&mut bytes, module.mappings);
        count(&mut bytes, module.imports.len());
        for (specifier, target) in &module.imports {
            piece(&mut bytes, specifier.as_bytes());
            piece(&mut bytes, target.as_bytes());
        }
        piece(&mut bytes, module.bytecode);
    }
    bytes
}

/// The modules again; `None` if these bytes are something else.
pub fn read(bytes: &[u8]) -> Option<Vec<Compiled<'_>>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let modules = take_count(&mut rest)?;
    let mut all = Vec::new();
    for _ in 0..modules {
        let (name, mappings) = (take_text(&mut rest)?, take(&mut rest)?);
        let mut imports = Vec::new();
        for _ in 0..take_count(&mut rest)? {
            imports.push((take_text(&mut rest)?, take_text(&mut rest)?));
        }
        all.push(Compiled { name, mappings, imports, bytecode: take(&mut rest)? });
    }
    rest.is_empty().then_some(all)
}

fn count(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u32).to_le_bytes());
}

fn piece(bytes: &mut Vec<u8>, piece: &[u8]) {
    count(bytes, piece.len());
    bytes.extend_from_slice(piece);
}

fn take_count(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_le_bytes(*number) as usize)
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_count(rest)?;
    let (piece, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(piece)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    str::from_utf8(take(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let modules = vec![
            Compiled { name: "main.ts", mappings: b"AAAA", imports: vec![("./a", "a.ts")], bytecode: &[1, 2, 3] },
            Compiled { name: "a.ts", mappings: b"", imports: vec![], bytecode: &[] },
        ];
        let bytes = write(&modules);
        assert_eq!(read(&bytes), Some(modules));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), None);
    }
}
