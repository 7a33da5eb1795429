//! Forms of TypeScript, what they become, and where their lines come from.

use super::*;

/// The JavaScript of a module of TypeScript.
fn code(source: &str) -> String {
    load(text("main.ts", source)).unwrap_or_else(|problems| panic!("{source}: {problems:?}")).modules[0].code.clone()
}

#[test]
fn types_go_and_the_rest_stays() {
    let check = |source: &str, expected: &str| assert_eq!(code(source), expected, "{source}");
    check("const a: number = 1;", "const a = 1;\n");
    check("interface A { b: string }\ntype B = A | null;", "");
    check(
        "declare const outside: number;\ndeclare module 'x' {}\ndeclare global { interface Window {} }\nexport {};",
        "export {};\n",
    );
    check("export const g = <Z,>(z: Z) => z satisfies Z;", "export const g = (z) => z;\n");
    check("const c = <any>5 as unknown as number;", "const c = 5;\n");
    check("let u!: number;\nlet v = u!;", "let u;\nlet v = u;\n");
    check(
        "function is(x: unknown): x is string { return typeof x === 'string' }",
        "function is(x) {\n\treturn typeof x === \"string\";\n}\n",
    );
    check("function f(a: string): string;\nfunction f(a: any): any { return a }", "function f(a) {\n\treturn a;\n}\n");
    check("function f(this: Date, a?: number) {}", "function f(a) {}\n");
    // No semicolon stands where a type was.
    check("declare const b: any;\nlet a = b\n(1 as any)", "let a = b(1);\n");
    check("const t: [a: string, b?: number, ...rest: boolean[]] = ['x'];", "const t = [\"x\"];\n");
    check("abstract class A { abstract m(): void; n(): void {} }", "class A {\n\tn() {}\n}\n");
    check(
        "class A { declare d: string; y; z?: number; private p = 1; static readonly s: number = 2 }",
        "class A {\n\ty;\n\tz;\n\tp = 1;\n\tstatic s = 2;\n}\n",
    );
    check(
        "class A extends B<string> implements C { override m() {} }\ndeclare class B<T> { m(): void }\ninterface C {}",
        "class A extends B {\n\tm() {}\n}\n",
    );
    check(
        "const f = over<string>;\nfunction over<T>(a: T) { return a }",
        "const f = over;\nfunction over(a) {\n\treturn a;\n}\n",
    );
    check(
        "enum E { A, B = 'b' }",
        "var E = function(E) {\n\tE[E[\"A\"] = 0] = \"A\";\n\tE[\"B\"] = \"b\";\n\treturn E;\n}(E || {});\n",
    );
    check("const enum C { A = 1, B = A * 2 }\nexport const x = C.B;", "export const x = 2;\n");
    check(
        "namespace N { export const x = 1; }\nexport const y = N.x;",
        "let N;\n(function(_N) {\n\tconst x = _N.x = 1;\n})(N || (N = {}));\nexport const y = N.x;\n",
    );
    check("namespace N { export interface X {} }", "");
    check(
        "import A = N.M;\nnamespace N { export const M = 1 }\nconsole.log(A);",
        "var A = N.M;\nlet N;\n(function(_N) {\n\tconst M = _N.M = 1;\n})(N || (N = {}));\nconsole.log(A);\n",
    );
    check("for await (const x of <any[]>[]) {}", "for await (const x of []) {}\n");
    check(
        "const größe: number = 1, \u{5909}\u{6570}: string = '\u{1f600}\\u{d800}';",
        "const größe = 1, \u{5909}\u{6570} = \"\u{1f600}\\ud800\";\n",
    );
}

#[test]
fn parameter_properties_are_set_before_the_fields_that_use_them() {
    let check = |source: &str, expected: &str| assert_eq!(code(source), expected, "{source}");
    check(
        "class A { y = this.x + 1; #z = 2; 'q' = 3; 4 = 5; u; static s = 6; constructor(public x: number) { go() } }\ndeclare function go(): void;",
        "class A {\n\tx;\n\ty;\n\t#z;\n\t\"q\";\n\t4;\n\tu;\n\tstatic s = 6;\n\tconstructor(x) {\n\t\tthis.x = x;\n\t\tthis.y = this.x + 1;\n\t\tthis.#z = 2;\n\t\tthis[\"q\"] = 3;\n\t\tthis[4] = 5;\n\t\tgo();\n\t}\n}\n",
    );
    check(
        "class A extends B { g = (x: number) => x; constructor(readonly x: number) { before(); super(1); after() } }\ndeclare const B: any, before: any, after: any;",
        "class A extends B {\n\tx;\n\tg;\n\tconstructor(x) {\n\t\tbefore();\n\t\tsuper(1);\n\t\tthis.x = x;\n\t\tthis.g = (x) => x;\n\t\tafter();\n\t}\n}\n",
    );
    let check = |source: &str, expected: &str| assert_eq!(refused(text("main.ts", source)), expected, "{source}");
    check(
        "const x = 1;\nclass A {\n  y = x;\n  constructor(private x: number) {}\n}",
        "main.ts:3:7: this initial value cannot use `x`, which the constructor has too; rename one of them",
    );
    check(
        "class A {\n  [k] = 1;\n  constructor(private x: number) {}\n}",
        "main.ts:2:4: a field with a computed name cannot have an initial value where a constructor has parameter properties; set it in \
         the constructor",
    );
    check(
        "class A extends B {\n  y = 1;\n  constructor(private x: number) { if (x) super() }\n}",
        "main.ts:1:1: the `super(...)` of a class with parameter properties must be a statement of its own in the constructor",
    );
}

#[test]
fn what_the_engine_cannot_run_is_refused_at_its_line() {
    let check = |source: &str, expected: &str| assert_eq!(refused(text("main.ts", source)), expected, "{source}");
    let decorator = "decorators are not supported; call the function on the class or the value instead";
    check("\n@d class A {}", &format!("main.ts:2:1: {decorator}"));
    check("class A { @d m() {} }", &format!("main.ts:1:11: {decorator}"));
    check("class A { accessor z = 2 }", "main.ts:1:11: `accessor` fields are not supported; write `get` and `set`");
    check(
        "import fs = require('fs');",
        "main.ts:1:1: `import x = require(...)` is not supported; write `import x from \"...\"`",
    );
    check("export = 1;", "main.ts:1:1: `export =` is not supported; write `export default`");
    check(
        "import defer * as a from './a.ts';",
        "main.ts:1:1: `import source` and `import defer` are not supported; write `import`",
    );
    let named = |name: &str, expected: &str| assert_eq!(refused(text(name, "export {};")), expected);
    named("main.tsx", "main.tsx: JSX is not supported; write a module of TypeScript (.ts) or JavaScript (.js)");
    named("main.cts", "main.cts: CommonJS is not supported; write a module with `import` and `export` (.ts or .js)");
    named("main.py", "main.py: its name does not say what it is; it must end in .ts, .mts, .js or .mjs");
}

#[test]
fn javascript_passes_as_it_is_and_is_checked() {
    let source = "// kept\nexport const   a = `x`;\n";
    let script = load(text("main.js", source)).unwrap();
    assert_eq!((script.modules[0].code.as_str(), script.modules[0].mappings.as_str()), (source, ""));
    let told = refused(text("main.js", "export const a: number = 1;"));
    assert!(told.starts_with("main.js:1:"), "{told}");
    let told = refused(text("main.js", "const b = <a/>;"));
    assert!(told.starts_with("main.js:1:"), "{told}");
    // A first line that is for a shell, and a mark of the byte order, are no code.
    assert_eq!(load(text("main.mjs", "#!/usr/bin/env x\nf();\n")).unwrap().modules[0].code, "f();\n");
    assert_eq!(load(text("main.mjs", "\u{feff}f();\n")).unwrap().modules[0].code, "f();\n");
}

#[test]
fn problems_are_told_at_the_line_and_column_of_the_author() {
    let check = |source: &str, at: &str| {
        let told = refused(text("main.ts", source));
        assert!(told.starts_with(&format!("main.ts:{at}: ")), "{source:?}: {told}");
    };
    check("let x: = 5;", "1:8");
    check("\u{feff}let x: = 5;", "1:9");
    check("// äöü\r\nlet x: = 5;", "2:8");
    check("// a\rlet x: = 5;", "2:8");
    check("/* \u{2028} */ let x: = 5;", "2:12");
    check("'\u{1f600}'; let x: = 5;", "1:13");
    check("#!/bin/sh\nlet x: = 5;", "2:8");
    check("let x = 1;\nlet x = 2;", "1:5");
    check("break;", "1:1");
    check("f(", "1:3");
    check("\0", "1:1");
    check("a;\nb\0", "2:2");
}

/// Generated and original position of every segment, lines from 1 and columns from 0.
fn decode(mappings: &str) -> Vec<([i64; 2], [i64; 2])> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = [0_i64; 4];
    let mut found = Vec::new();
    for (line, segments) in mappings.split(';').enumerate() {
        at[0] = 0;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let (mut values, mut value, mut shift) = (Vec::new(), 0_i64, 0);
            for byte in segment.bytes() {
                let digit = digits.iter().position(|known| *known == byte).unwrap() as i64;
                value |= (digit & 31) << shift;
                shift += 5;
                if digit & 32 == 0 {
                    values.push(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
                    (value, shift) = (0, 0);
                }
            }
            for (sum, value) in at.iter_mut().zip(&values) {
                *sum += value;
            }
            assert_eq!(at[1], 0, "there is one source");
            found.push(([line as i64 + 1, at[0]], [at[2] + 1, at[3]]));
        }
    }
    found
}

#[test]
fn mappings_lead_to_the_lines_of_the_author() {
    let source = "interface A {\n  b: string;\n}\n\nenum E { X, Y }\nexport function run(a: A): void {\n  const größe = '\u{1f600}' as string; throw new Error(E.Y + a.b);\n}\n";
    for source in [source.to_owned(), source.replace('\n', "\r\n")] {
        let script = load(text("main.ts", &source)).unwrap();
        let module = &script.modules[0];
        // The position of a text in UTF-16 units, as source maps count.
        let place = |text: &str, what: &str| {
            let (line, found) = text.lines().enumerate().find(|(_, line)| line.contains(what)).unwrap();
            [line as i64 + 1, found[..found.find(what).unwrap()].encode_utf16().count() as i64]
        };
        let pairs = decode(&module.mappings);
        for what in ["run(", "größe", "new Error", "Error("] {
            let (from, to) = (place(&module.code, what), place(&source, what));
            assert!(pairs.contains(&(from, to)), "{what}: {from:?} to {to:?} is not in {pairs:?}");
        }
    }
}
