//! The system calls as scripts see them, from the contract: `core/mirror.js`, by which the prelude makes them, and `libos.d.ts`.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::Path;
use wit_parser::{Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeOwner};

/// What scripts have no use for: they have promises.
const LEFT_OUT: [&str; 2] = ["tickets", "script"];

const NOTE: &str = "Made of wit/ by `cargo xtask js-bridge`; not written by hand.";

/// What is the same whatever the contract says.
const DECLARED: &str = r#"
declare namespace Libos {
    /** An error of a system call. Uncaught, one with the code `denied` ends the call as denied. */
    class SystemError extends Error {
        constructor(message: string, code?: Code);
        readonly code: Code;
        /** Of `denied`: the right that was needed, on what, and why it was refused. */
        readonly right?: string;
        readonly resource?: string;
        readonly reason?: string;
        /** Of `conflict`: the present version. */
        readonly version?: number;
    }

"#;

/// The contract, read once.
pub struct Contract {
    resolve: Resolve,
}

impl Contract {
    /// Reads the folder.
    pub fn read(folder: &Path) -> Result<Contract> {
        let mut resolve = Resolve::default();
        resolve.push_dir(folder).with_context(|| folder.display().to_string())?;
        Ok(Contract { resolve })
    }

    fn interfaces(&self) -> Vec<(&str, &Interface)> {
        let named = self.resolve.interfaces.iter().filter_map(|(_, one)| Some((one.name.as_deref()?, one)));
        let mut all: Vec<(&str, &Interface)> = named.filter(|(name, _)| !LEFT_OUT.contains(name)).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    }

    /// A table: what each function is called, its parameters, which of them is bytes, and what its answer is.
    pub fn script(&self) -> String {
        let mut text = format!("// {NOTE}\n\ninternal.mirror = {{\n  __proto__: null,\n");
        for (name, interface) in self.interfaces().into_iter().filter(|(_, one)| !one.functions.is_empty()) {
            let _ = writeln!(text, "  {}: {{\n    __proto__: null,", camel(name));
            for function in interface.functions.values() {
                let parameters: Vec<String> =
                    function.params.iter().map(|one| format!("\"{}\"", camel(&one.name))).collect();
                let mut kinds: Vec<&str> = function.params.iter().map(|one| self.parameter(&one.ty)).collect();
                if self.first_case(function).is_none() {
                    kinds.iter_mut().filter(|kind| **kind == "e").for_each(|kind| *kind = "v");
                }
                let _ = writeln!(
                    text,
                    "    {}: [\"{name}.{}\", [{}], \"{}\", \"{}\"{}],",
                    camel(&function.name),
                    function.name,
                    parameters.join(", "),
                    kinds.concat(),
                    self.answer(function),
                    self.first_case(function).map(|case| format!(", \"{case}\"")).unwrap_or_default()
                );
            }
            text.push_str("  },\n");
        }
        text.push_str("};\n");
        text
    }

    /// `b` for bytes, `p` for what may be bytes, `f` for a boolean, `e` for an enum that may be left out, else `v`.
    fn parameter(&self, ty: &Type) -> &'static str {
        match self.kind(ty) {
            Some(TypeDefKind::List(Type::U8)) => "b",
            Some(TypeDefKind::Variant(_)) => "p",
            Some(TypeDefKind::Enum(_)) => "e",
            _ if *ty == Type::Bool => "f",
            _ => "v",
        }
    }

    /// What the last parameter is if it is left out: the first case of its enum.
    fn first_case(&self, function: &Function) -> Option<&str> {
        match self.kind(&function.params.last()?.ty) {
            Some(TypeDefKind::Enum(all)) => all.cases.first().map(|case| case.name.as_str()),
            _ => None,
        }
    }

    /// `n` for nothing, `b` for bytes, `p` for something with what may be bytes, else `v`.
    fn answer(&self, function: &Function) -> &'static str {
        match self.success(function) {
            None => "n",
            Some(ty) => match self.kind(&ty) {
                Some(TypeDefKind::List(Type::U8)) => "b",
                Some(TypeDefKind::Tuple(_)) => "p",
                _ => "v",
            },
        }
    }

    fn success(&self, function: &Function) -> Option<Type> {
        let ty = function.result?;
        match self.kind(&ty) {
            Some(TypeDefKind::Result(result)) => result.ok,
            _ => Some(ty),
        }
    }

    /// What a type is made of, behind its names.
    fn kind(&self, ty: &Type) -> Option<&TypeDefKind> {
        let Type::Id(id) = ty else { return None };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Type(inner) => self.kind(inner),
            kind => Some(kind),
        }
    }

    /// Declarations for editors.
    pub fn declarations(&self) -> String {
        let mut text = format!("// {NOTE}\n{DECLARED}");
        let mut system = String::new();
        for (name, interface) in self.interfaces() {
            docs(&mut text, &interface.docs, 4);
            let _ = writeln!(text, "    namespace {} {{", camel(name));
            for (_, id) in &interface.types {
                self.declare(&mut text, name, &self.resolve.types[*id]);
            }
            if !interface.functions.is_empty() {
                self.functions(&mut text, name, interface);
                docs(&mut system, &interface.docs, 8);
                let _ = writeln!(system, "        readonly {}: {}.Functions;", camel(name), camel(name));
            }
            text.push_str("    }\n\n");
        }
        let cases = self.error_cases();
        let _ = write!(
            text,
            "    /** The cases of the errors of system calls. */\n    type Code = {cases};\n\n\
             \x20   /** What a script can do: the second argument of `run`, and the global `libos`. */\n    interface System {{\n\
             {system}        readonly Error: typeof SystemError;\n\
             \x20       /** A system call by the name that it has in the system for which a script was written before. */\n\
             \x20       syscall(name: string, args?: Record<string, unknown>): Promise<unknown>;\n    }}\n}}\n\n\
             declare const libos: Libos.System;\n"
        );
        text
    }

    fn error_cases(&self) -> String {
        let types = self.resolve.types.iter().map(|(_, one)| one);
        let mut errors = types.filter(|one| one.name.as_deref() == Some("error"));
        let cases = errors.find_map(|one| match &one.kind {
            TypeDefKind::Variant(variant) => Some(variant.cases.iter().map(|case| format!("\"{}\"", case.name)).collect()),
            _ => None,
        });
        let cases: Vec<String> = cases.unwrap_or_default();
        cases.join(" | ")
    }

    fn declare(&self, text: &mut String, interface: &str, ty: &TypeDef) {
        let Some(name) = ty.name.as_deref().map(pascal) else { return };
        // A name that is only taken over from another interface.
        if matches!(ty.kind, TypeDefKind::Type(_)) {
            return;
        }
        docs(text, &ty.docs, 8);
        match &ty.kind {
            TypeDefKind::Record(record) => {
                let _ = writeln!(text, "        interface {name} {{");
                for field in &record.fields {
                    docs(text, &field.docs, 12);
                    let mark = if self.may_be_none(&field.ty) { "?" } else { "" };
                    let _ = writeln!(text, "            {}{mark}: {};", camel(&field.name), self.shown(interface, &field.ty));
                }
                text.push_str("        }\n");
            }
            TypeDefKind::Enum(all) => {
                let cases: Vec<String> = all.cases.iter().map(|case| format!("\"{}\"", case.name)).collect();
                let _ = writeln!(text, "        type {name} = {};", cases.join(" | "));
            }
            TypeDefKind::Variant(all) => {
                let case = |case: &wit_parser::Case| match &case.ty {
                    None => format!("\"{}\"", case.name),
                    Some(ty) => format!("{{ \"{}\": {} }}", case.name, self.shown(interface, ty)),
                };
                let cases: Vec<String> = all.cases.iter().map(case).collect();
                let _ = writeln!(text, "        type {name} = {};", cases.join(" | "));
            }
            _ => {}
        }
    }

    fn functions(&self, text: &mut String, interface: &str, all: &Interface) {
        text.push_str("        interface Functions {\n");
        for function in all.functions.values() {
            docs(text, &function.docs, 12);
            let optional = function.params.iter().rev().take_while(|one| self.may_be_left_out(&one.ty)).count();
            let required = function.params.len() - optional;
            let parameter = |(at, one): (usize, &wit_parser::Param)| {
                let mark = if at >= required { "?" } else { "" };
                format!("{}{mark}: {}", camel(&one.name), self.given(interface, &one.ty))
            };
            let parameters: Vec<String> = function.params.iter().enumerate().map(parameter).collect();
            let answer = self.success(function).map_or_else(|| "void".to_owned(), |ty| self.shown(interface, &ty));
            let _ = writeln!(text, "            {}({}): Promise<{answer}>;", camel(&function.name), parameters.join(", "));
        }
        text.push_str("        }\n");
    }

    fn may_be_none(&self, ty: &Type) -> bool {
        matches!(self.kind(ty), Some(TypeDefKind::Option(_)))
    }

    /// At the end: what may be none is none, a boolean false, an enum its first case.
    fn may_be_left_out(&self, ty: &Type) -> bool {
        *ty == Type::Bool || matches!(self.kind(ty), Some(TypeDefKind::Option(_) | TypeDefKind::Enum(_)))
    }

    fn given(&self, interface: &str, ty: &Type) -> String {
        match self.kind(ty) {
            Some(TypeDefKind::List(Type::U8)) => "string | Uint8Array".to_owned(),
            _ => self.shown(interface, ty),
        }
    }

    fn shown(&self, interface: &str, ty: &Type) -> String {
        let id = match ty {
            Type::Bool => return "boolean".to_owned(),
            Type::String | Type::Char => return "string".to_owned(),
            Type::Id(id) => *id,
            _ => return "number".to_owned(),
        };
        let definition = &self.resolve.types[id];
        if let TypeDefKind::Type(inner) = &definition.kind {
            return self.shown(interface, inner);
        }
        if let Some(name) = &definition.name {
            let owner = match definition.owner {
                TypeOwner::Interface(owner) => self.resolve.interfaces[owner].name.as_deref().unwrap_or(interface),
                _ => interface,
            };
            return if owner == interface { pascal(name) } else { format!("{}.{}", camel(owner), pascal(name)) };
        }
        match &definition.kind {
            TypeDefKind::Option(inner) => format!("{} | null", self.shown(interface, inner)),
            TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
            TypeDefKind::List(inner) => format!("Array<{}>", self.shown(interface, inner)),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<String> = tuple.types.iter().map(|one| self.shown(interface, one)).collect();
                format!("[{}]", types.join(", "))
            }
            _ => "unknown".to_owned(),
        }
    }
}

fn docs(text: &mut String, docs: &Docs, indent: usize) {
    let Some(contents) = docs.contents.as_deref().map(str::trim) else { return };
    let space = " ".repeat(indent);
    let lines: Vec<&str> = contents.lines().map(str::trim).collect();
    if let [line] = lines.as_slice() {
        let _ = writeln!(text, "{space}/** {line} */");
        return;
    }
    let _ = writeln!(text, "{space}/**");
    for line in lines {
        let _ = writeln!(text, "{}", format!("{space} * {line}").trim_end());
    }
    let _ = writeln!(text, "{space} */");
}

fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |whole, word| whole + &capital(word))
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Contract;
    use std::path::Path;

    #[test]
    fn the_mirror_is_that_of_the_contract() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let contract = Contract::read(&here.join("../../../wit")).unwrap();
        for (file, made) in [("core/mirror.js", contract.script()), ("libos.d.ts", contract.declarations())] {
            let kept = std::fs::read_to_string(here.join("../bridge").join(file)).unwrap();
            assert!(kept == made, "tools/js/bridge/{file} is not that of wit/; `cargo xtask js-bridge` makes it again");
        }
    }
}
