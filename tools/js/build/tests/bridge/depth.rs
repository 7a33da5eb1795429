//! Recursion and nesting without end: errors that a script can catch, and no end of the call.

use super::{body, compile, instance, module, with_the_stack_of_a_host};

#[test]
fn deep_recursion_is_a_range_error_that_a_script_can_catch() {
    for text in [
        "const f = () => f() + 1; f()",
        "const f = () => [1].map(f); f()",
        "const f = () => [2, 1].sort(f); f()",
        "const f = () => 'a'.replace(/a/, f); f()",
        "const o = { toString() { return '' + o } }; '' + o",
        "const o = { get a() { return o.a } }; o.a",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
        "let a = []; for (let i = 0; i < 1e6; i++) a = [a]; a.flat(Infinity)",
        "let a = []; for (let i = 0; i < 1e6; i++) a = [a]; String(a)",
        "class A { constructor() { new A() } } new A()",
        "const f = (...a) => f(...a, ...a.slice(0, 9)); f(1, 2, 3)",
        "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)",
        "function* g() { yield* g() } [...g()]",
        "Reflect.construct(function f() { Reflect.construct(f, []) }, [])",
        "const b = (function f() { return Reflect.apply(f, null, []) }); b()",
    ] {
        let got = body(&format!("try {{ {text}; return 'no error' }} catch (error) {{ return error.name }}"));
        assert_eq!(got.as_deref(), Ok("\"RangeError\""), "{text}");
    }
}

/// What nests when it is repeated.
const LINKS: &str = concat!(
    "(|[|{|-|!|a?b:|1**|a=|({a:|x=>|async x=>|f(|new |if(a)|for(;;)|`${|a[|(a,|try{",
    "|switch(1){case 1:|class A { a = |(class extends |1+(|a.b(|[...|a?.[|typeof |({...|(a=",
);

/// The engine's parser and its readers of JSON and of regular expressions use far more of the host's stack than of their own.
#[test]
fn text_that_is_nested_without_end_is_an_error_that_a_script_can_catch() {
    let nested = |one: &str| format!("let a = 0; for (let i = 0; i < 1e6; i++) a = {one};");
    let evaluated = |link: &str| format!("eval('{link}'.repeat(1e6) + '1')");
    let mut rows: Vec<String> = LINKS.split('|').map(evaluated).collect();
    for (value, use_of_it) in [
        ("[a]", "JSON.stringify(a)"),
        ("{ a }", "JSON.stringify(a, null, 1)"),
        ("[a]", "structuredClone(a)"),
        ("{ a }", "Deno.inspect(a, { depth: Infinity })"),
        ("[a]", "String(a)"),
        ("[a]", "a.toLocaleString()"),
        ("[a]", "new Function('a', 'return a.join()')(a)"),
    ] {
        rows.push(format!("{} {use_of_it}", nested(value)));
    }
    for text in [
        "JSON.parse('['.repeat(1e6))",
        "JSON.parse('{\"a\":'.repeat(1e6))",
        "JSON.parse('['.repeat(1e6), (k, v) => v)",
        "new RegExp('(?:'.repeat(1e6))",
        "new RegExp('(?='.repeat(1e6))",
        "new RegExp('[['.repeat(1e6), 'v')",
    ] {
        rows.push(text.to_owned());
    }
    let got = with_the_stack_of_a_host(|| {
        rows.into_iter()
            .map(|text| {
                let whole =
                    format!("try {{ {text}; return 'no error' }} catch (e) {{ return `${{e.name}}: ${{e.message}}` }}");
                let whole = format!("export async function run() {{ {whole} }}");
                let program = compile(&[module("main.ts", &whole, &[])]).unwrap();
                let mut one = instance(0);
                (
                    text,
                    one.scripts
                        .call_call(&mut one.store, &program, "", "{}")
                        .map_err(|trap| trap.root_cause().to_string()),
                )
            })
            .collect::<Vec<_>>()
    });
    for (text, got) in got {
        let ends = [
            "RangeError: Maximum call stack size exceeded",
            "SyntaxError: stack overflow",
            "SyntaxError: invalid property name",
        ];
        assert!(matches!(&got, Ok(Ok(told)) if ends.contains(&told.trim_matches('"'))), "{text}: {got:?}");
    }
}

#[test]
fn source_that_is_nested_without_end_is_a_problem_of_its_module() {
    let problems = with_the_stack_of_a_host(|| {
        let main = module("main.ts", "import './deep.ts'; export const run = 1", &[("./deep.ts", "deep.ts")]);
        compile(&[main, module("deep.ts", &"(".repeat(500_000), &[])]).unwrap_err()
    });
    let told = (problems[0].module.as_str(), problems[0].message.as_str());
    assert_eq!(told, ("deep.ts", "RangeError: Maximum call stack size exceeded"));
}

/// As deep as what takes the types out lets pass: 100 brackets, 400 steps of a chain.
#[test]
fn what_passes_before_is_not_nested_too_deeply_here() {
    let rows = [
        ("(", "1", ")", 100),
        ("[", "1", "]", 100),
        ("({a:", "1", "})", 50),
        ("f(", "1", ")", 100),
        ("(a=>{", "1", "})", 50),
        ("(async a=>{await f(", "1", ")})", 33),
        ("(function(){return [", "1", "]})", 25),
        ("(class{a(){", "1", "}})", 33),
        ("(class{a=", "1", "})", 50),
        ("`${", "1", "}`", 100),
        ("a?", "1", ":2", 130),
        ("a?1:", "1", "", 130),
        ("a=", "1", "", 130),
        ("!", "1", "", 390),
        ("1**", "1", "", 130),
        ("", "1", "+1", 390),
        ("", "a", ".b(1)", 190),
        ("if(a){", "1", "}", 100),
        ("if(a);else ", ";", "", 390),
        ("for(;;)", ";", "", 390),
        ("try{", "1", "}catch{}", 100),
    ];
    for (open, middle, close, times) in rows {
        let source = format!("let a, f;\n;{}{middle}{};", open.repeat(times), close.repeat(times));
        let compiled = with_the_stack_of_a_host(|| compile(&[module("main.ts", &source, &[])]));
        assert!(compiled.is_ok(), "{open} {times}: {compiled:?}");
    }
}
