//! Sources that were made to hurt whoever reads them: each is a problem, none a trap that nobody explains.

use super::*;
use libos_kernel::model::limit;

fn told(name: &str, source: String) -> Option<String> {
    load(text(name, &source)).err().map(|problems| problems[0].to_string())
}

#[test]
fn deep_nesting_is_a_problem_with_a_line() {
    let brackets = "brackets are nested more than 100 deep here; split this into parts";
    let check = |source: String, expected: &str| {
        let told = told("main.ts", source).unwrap();
        assert!(told.starts_with("main.ts:2:") && told.contains(expected), "{told}");
    };
    for open in ["(", "[", "{", "f(", "[[", "a=>(", "`${(", "if(a){", "class{a(){", "type A=(", "<T>("] {
        check(format!("\n{}", open.repeat(100_000)), brackets);
    }
    check(format!("\nconst a = /{}a{}/;", "(".repeat(101), ")".repeat(101)), brackets);
    check(format!("\nconst a = /{}", "(?:".repeat(100_000)), brackets);
    let chain = "this is nested too deeply, or is too long a chain";
    for (first, link) in [("a", "+a"), ("a", ".a"), ("a", "?.a"), ("a", "`x`"), ("a", " as a"), ("a", "!")] {
        check(format!("\n{first}{};", link.repeat(1_000)), chain);
    }
    check(format!("\ntype A = B{};", "[]".repeat(1_000)), chain);
    check(format!("\nnamespace a{} {{ const x = 1 }}", ".a".repeat(1_000)), chain);
}

#[test]
fn recursion_without_brackets_is_explained() {
    let deep = "something in it is nested too deeply to be read; split it into several statements";
    let long = ["!", "- ", "typeof ", "new ", "a=>", "a=", "a?", "a?b:", "a**", "async a=>", "yield ", "...", "@a "];
    let types = ["keyof ", "a extends b?", "a extends b?c:", "()=>"];
    for (link, first) in long.map(|link| (link, "x=")).into_iter().chain(types.map(|link| (link, "type A="))) {
        let told = told("main.ts", format!("{first}{}", link.repeat(1_000_000 / link.len())));
        let told = told.unwrap_or_else(|| panic!("{link:?} is taken"));
        let problem = told.starts_with("main.ts:1:") || told == format!("main.ts: {deep}");
        assert!(problem, "{link:?}: {told}");
    }
    for link in ["if(a)", "else ", "a:", "for(;;)", "do ", "while(a)", "label:", "with(a)"] {
        let told = told("main.ts", link.repeat(1_000_000 / link.len())).unwrap_or_else(|| panic!("{link:?} is taken"));
        let problem = told.starts_with("main.ts:1:") || told == format!("main.ts: {deep}");
        assert!(problem, "{link:?}: {told}");
    }
}

#[test]
fn what_a_person_writes_is_not_too_deep() {
    assert_eq!(told("main.ts", format!("f({}1{});", "[".repeat(98), "]".repeat(98))), None);
    assert_eq!(told("main.ts", format!("const s = {};", vec!["'part'"; 300].join(" + "))), None);
    assert_eq!(told("main.ts", format!("q{};", ".where(1)".repeat(150))), None);
    let chain: String = (0..100).map(|number| format!("if (x === {number}) {{ f() }} else ")).collect();
    assert_eq!(told("main.ts", format!("{chain}{{}}")), None);
}

#[test]
fn large_sources_are_read_or_refused_within_limits() {
    let mebibyte = limit::SCRIPT_MODULE_BYTES_MAX;
    let over = told("main.ts", " ".repeat(mebibyte + 1)).unwrap();
    assert_eq!(over, "main.ts: it has 1048577 bytes, at most 1048576");
    assert_eq!(told("main.ts", " ".repeat(mebibyte)), None);
    let fill = |piece: &str| piece.repeat(mebibyte / piece.len());
    // Statements, the smallest of which cost the most memory for a byte.
    let grown = told("main.ts", fill("a;"));
    assert!(grown.is_none_or(|told| told.contains("bytes, at most 1048576")));
    for piece in [
        "a\n", "0,", "{}", "[];", "''+", "let a;", "\u{fffd}", "\u{202e}", "\\u0061", "/", "`", "<", "\"", "x:", "#",
        "'", "*/",
    ] {
        let told = told("main.ts", fill(piece));
        assert!(told.as_ref().is_none_or(|told| told.len() <= 1_200), "{piece:?}: {told:?}");
    }
    // Bytes that a generator of numbers makes of the printable characters.
    let mut state = 1_u64;
    let mut garbage = String::new();
    while garbage.len() < mebibyte {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        garbage.push(char::from(32 + ((state >> 33) % 95) as u8));
    }
    let garbage = told("main.ts", garbage).unwrap();
    assert!(garbage.starts_with("main.ts:1:"), "{garbage}");
}

#[test]
fn a_message_shows_no_terminal_what_the_source_says() {
    let told = told("main.ts", "import '\u{1b}[31m\u{202e}';".into()).unwrap();
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
}
