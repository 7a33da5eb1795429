//! Which modules a script has: real folders, and every way out of them.

use super::*;
use libos_kernel::model::limit;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Folder(std::env::temp_dir().join(format!("libos-scripts-{}-{number}", std::process::id())));
        for (name, content) in files {
            folder.put(name, content);
        }
        folder
    }

    #[expect(clippy::disallowed_methods, reason = "a folder of this test")]
    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The script whose first module is `tool/main.ts`; packages are in `vendor`.
    fn source(&self) -> Source {
        Source::File { path: self.path("tool/main.ts"), vendor: Some(self.path("vendor")) }
    }
}

impl Drop for Folder {
    #[expect(clippy::disallowed_methods, reason = "a folder of this test")]
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names(script: &Script) -> Vec<&str> {
    script.modules.iter().map(|module| module.name.as_str()).collect()
}

#[test]
fn modules_of_the_folder_are_found_from_the_first_on() {
    let folder = Folder::new(&[
        (
            "tool/main.ts",
            "import { b } from './lib/b.ts';\nimport data from './data.json' with { type: 'json' };\nexport * from './lib/b.ts';\nexport const run = () => import('./lib/c.js');\nconsole.log(b, data);",
        ),
        // In a circle, to itself, and up and down again.
        (
            "tool/lib/b.ts",
            "import { b as same } from './b.ts';\nimport '../main.ts';\nimport './../lib/./c.js';\nexport const b: number = 1;\nconsole.log(same);",
        ),
        ("tool/lib/c.js", "export {};\n"),
        ("tool/data.json", "{\"__proto__\": [1]}\n"),
        ("tool/unused.ts", "(("),
    ]);
    let script = load(folder.source()).unwrap();
    assert_eq!(names(&script), ["main.ts", "lib/b.ts", "data.json", "lib/c.js"]);
    let imports = |number: usize| {
        script.modules[number].imports.iter().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>()
    };
    assert_eq!(imports(0), ["./lib/b.ts lib/b.ts", "./data.json data.json", "./lib/c.js lib/c.js"]);
    assert_eq!(imports(1), ["./b.ts lib/b.ts", "../main.ts main.ts", "./../lib/./c.js lib/c.js"]);
    assert!(
        script.modules[0].code.contains("from \"./data.json\";"),
        "the attribute is gone: {}",
        script.modules[0].code
    );
    assert_eq!(script.modules[2].code, "export default JSON.parse(\"{\\\"__proto__\\\": [1]}\\n\");\n");
    assert_eq!(Script::from_bytes(&script.to_bytes()).unwrap(), script);
    assert_eq!(load(folder.source()).unwrap().digest(), script.digest());
}

#[test]
fn an_import_for_types_alone_leads_nowhere() {
    let source = "import type { A } from './missing.ts';\nimport { type B } from './missing2.ts';\nimport { C } from 'npm:c';\n\
                  import { D, d } from './d.ts';\nexport const a: A & B & C & D = d;\nexport type { E } from 'npm:e';\n";
    let folder =
        Folder::new(&[("tool/main.ts", source), ("tool/d.ts", "export interface D {}\nexport const d: any = 1;")]);
    // As real Deno does: an import of which only types are used is not there when it runs, whether it is marked or not.
    let script = load(folder.source()).unwrap();
    assert_eq!(names(&script), ["main.ts", "d.ts"]);
    assert_eq!(script.modules[0].code, "import { d } from \"./d.ts\";\nexport const a = d;\n");
}

#[test]
fn what_leads_out_or_elsewhere_is_refused_by_name() {
    let folder =
        Folder::new(&[("secret.ts", "export {};"), ("tool/lib/x.ts", ""), ("tool/a.ts", ""), ("tool/b.json", "{}")]);
    let check = |specifier: &str, expected: &str| {
        folder.put("tool/main.ts", format!("\n  import {specifier:?};"));
        assert_eq!(refused(folder.source()), format!("main.ts:2:10: `{specifier}` cannot be imported: {expected}"));
    };
    let above = "it leads above the folder of the script's first module";
    check("../secret.ts", above);
    check("./a/../../secret.ts", above);
    check("./lib/../../tool/main.ts", above);
    check("./../../../../../../etc/passwd", above);
    let percent = "`%` is not supported in it; name the file as it is called";
    check("./%2e%2e/secret.ts", percent);
    check("./%61.ts", percent);
    check("./a.ts?x", "`?` is not supported in it; name the file as it is called");
    check("./a.ts#x", "`#` is not supported in it; name the file as it is called");
    check("./.\\./secret.ts", "`\\` is not supported in it; name the file as it is called");
    check(".//a.ts", "it has an empty part; name a file");
    check("./lib/", "it has an empty part; name a file");
    check("./", "it has an empty part; name a file");
    check("./lib/..", "it leads to a folder; name a file in it");
    check("./a", "it must have its extension; write `a.ts` if that is the file");
    check("./b.json", "import it `with { type: \"json\" }`");
    check("./a.tsx", "JSX is not supported");
    check("./a.cjs", "CommonJS is not supported");
    check("/etc/passwd", "an absolute name is not supported; begin with `./` or `../`");
    check("file:///etc/passwd", "name the file relative to this module, beginning with `./` or `../`");
    check("https://example.com/a.ts", "nothing is fetched; put the module into the script's folder");
    check("HTTP://example.com/a.ts", "nothing is fetched; put the module into the script's folder");
    check("data:text/javascript,1", "write it as a module in the script's folder");
    check("npm:left-pad", "packages of npm are not supported; a script has its own modules and `jsr:@std/...`");
    check("node:fs", "modules of Node are not supported; use `libos` or `Deno`");
    check("what:x", "there is no such scheme; a script has its own modules (`./name.ts`) and `jsr:@std/...`");
    check("lodash", "a bare name is not supported; begin with `./` for a file, or write `jsr:@std/...`");
    check("", "a bare name is not supported; begin with `./` for a file, or write `jsr:@std/...`");
    check("@other/x", "a bare name is not supported; begin with `./` for a file, or write `jsr:@std/...`");
    check("jsr:@other/x", "of JSR there are only packages of `@std/`");
    check("jsr:@std/../x", "a package's name has 1 to 64 of a-z, 0-9 and `-`");
    check("@std/Path", "a package's name has 1 to 64 of a-z, 0-9 and `-`");
    let long = format!("main.ts:2:10: what it imports has 302 bytes, at most {}", limit::SCRIPT_NAME_BYTES_MAX);
    folder.put("tool/main.ts", format!("\n  import './{}';", "x".repeat(300)));
    assert_eq!(refused(folder.source()), long);
    // Whether it is written as a call, or is passed on.
    folder.put("tool/main.ts", "export * from '../secret.ts';\nawait import('npm:x');");
    assert_eq!(
        refused(folder.source()),
        format!(
            "main.ts:1:15: `../secret.ts` cannot be imported: {above}\nmain.ts:2:7: `npm:x` cannot be imported: packages of npm are not \
             supported; a script has its own modules and `jsr:@std/...`"
        )
    );
}

#[test]
fn what_is_no_regular_file_of_the_folder_is_not_read() {
    let folder = Folder::new(&[
        ("secret.ts", "export const secret = 1;"),
        ("tool/a.ts", ""),
        ("tool/dir.ts/x", ""),
        ("out/b.ts", ""),
    ]);
    std::os::unix::fs::symlink("../secret.ts", folder.path("tool/link.ts")).unwrap();
    std::os::unix::fs::symlink("a.ts", folder.path("tool/inside.ts")).unwrap();
    std::os::unix::fs::symlink("../out", folder.path("tool/out")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, folder.path("tool/pipe.ts"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let check = |specifier: &str, expected: &str| {
        folder.put("tool/main.ts", format!("import './{specifier}';"));
        let told = refused(folder.source());
        assert_eq!(told, format!("main.ts:1:8: the module `{specifier}` cannot be read: {expected}"));
    };
    let link = "it is a symbolic link, or lies behind one; put the file itself there";
    check("link.ts", link);
    check("inside.ts", link);
    check("out/b.ts", link);
    check("pipe.ts", "it is a device, a pipe or a socket, no regular file");
    check("dir.ts", "it is a folder; name a file in it");
    check("missing.ts", "there is no such file");
    check("A.ts", "there is no such file");
    check("a.ts/b.ts", "there is no such file");
    folder.put("tool/large.ts", vec![b' '; limit::SCRIPT_MODULE_BYTES_MAX + 1]);
    check("large.ts", "it has more than 1048576 bytes, the most of a module");
    folder.put("tool/latin.ts", b"a;\nb;\n'\xe4';");
    folder.put("tool/main.ts", "import './latin.ts';");
    assert_eq!(
        refused(folder.source()),
        "main.ts:1:8: the module `latin.ts` is not UTF-8 text in its line 3; save it as UTF-8"
    );
    folder.put("tool/bad.json", "{\n\"a\": }");
    folder.put("tool/main.ts", "import './bad.json' with { type: 'json' };");
    assert!(refused(folder.source()).starts_with("bad.json:2:6: it is not JSON"), "{}", refused(folder.source()));
    let missing = Source::File { path: folder.path("tool/none.ts"), vendor: None };
    assert!(refused(missing).contains("it cannot be read: No such file"));
    let directory = Source::File { path: folder.path("tool"), vendor: None };
    assert!(refused(directory).contains("it is a folder"), "the first module too");
}

#[test]
fn modules_depth_and_bytes_have_limits() {
    let chain = |count: usize| {
        let folder = Folder::new(&[("tool/main.ts", "import './m1.ts';")]);
        for number in 1..=count {
            folder.put(
                &format!("tool/m{number}.ts"),
                format!("import './m{}.ts';", if number == count { 1 } else { number + 1 }),
            );
        }
        folder
    };
    assert_eq!(load(chain(limit::SCRIPT_IMPORT_DEPTH_MAX).source()).unwrap().modules.len(), 65);
    let told = refused(chain(limit::SCRIPT_IMPORT_DEPTH_MAX + 1).source());
    assert_eq!(told, "m64.ts:1:8: `m65.ts` is more than 64 imports away from the first module");
    let wide = |count: usize| {
        let folder = Folder::new(&[]);
        let imports: Vec<String> =
            (1..=count).map(|number| format!("import './m{number}.json' with {{ type: 'json' }};")).collect();
        folder.put("tool/main.ts", imports.join("\n"));
        for number in 1..=count {
            folder.put(&format!("tool/m{number}.json"), "1");
        }
        folder
    };
    assert_eq!(load(wide(limit::SCRIPT_MODULES_MAX - 1).source()).unwrap().modules.len(), limit::SCRIPT_MODULES_MAX);
    let told = refused(wide(limit::SCRIPT_MODULES_MAX).source());
    assert_eq!(told, "main.ts:256:8: with `m256.json` the script has more than 256 modules");
    let folder = wide(5);
    for number in 1..=5 {
        folder.put(&format!("tool/m{number}.json"), format!("1{}", " ".repeat(900_000)));
    }
    let told = refused(folder.source());
    assert_eq!(told, "main.ts:5:8: with `m5.json` the script's modules have more than 4194304 bytes");
}

const GREET: &str = "export const greet = (name: string): string => shout(`hello ${name}`);\nimport { shout } from './_inside/shout.ts';\n";

fn vendored(main: &str) -> Folder {
    Folder::new(&[
        ("tool/main.ts", main),
        (
            "vendor/@std/greet/jsr.json",
            r#"{"name": "@std/greet", "version": "1.2.3", "exports": {".": "./mod.ts", "./greet": "./greet.ts", "./out": "../../x.ts", "./json": "./jsr.json"}}"#,
        ),
        ("vendor/@std/greet/mod.ts", "export * from './greet.ts';\n"),
        ("vendor/@std/greet/greet.ts", GREET),
        (
            "vendor/@std/greet/_inside/shout.ts",
            "import { mark } from 'jsr:@std/mark@^0.2.1';\nexport const shout = (text: string) => text + mark;",
        ),
        ("vendor/@std/mark/deno.json", r#"{"version": "0.2.4", "exports": "./mod.ts"}"#),
        ("vendor/@std/mark/mod.ts", "export const mark = '!';\n"),
        ("vendor/@std/mark/up.ts", "import '../greet/mod.ts';\n"),
        ("vendor/@std/broken/jsr.json", "{"),
        ("vendor/@std/up/jsr.json", r#"{"exports": "./mod.ts"}"#),
        ("vendor/@std/up/mod.ts", "import '../mark/mod.ts';"),
    ])
}

#[test]
fn packages_come_from_the_folder_that_the_host_prepared() {
    for specifier in
        ["jsr:@std/greet", "@std/greet", "jsr:@std/greet@^1.0.0", "jsr:@std/greet@1", "jsr:/@std/greet@~1.2"]
    {
        let script =
            load(vendored(&format!("import {{ greet }} from '{specifier}';\nexport default greet;")).source()).unwrap();
        assert_eq!(
            names(&script),
            [
                "main.ts",
                "jsr:@std/greet/mod.ts",
                "jsr:@std/greet/greet.ts",
                "jsr:@std/greet/_inside/shout.ts",
                "jsr:@std/mark/mod.ts"
            ]
        );
        assert_eq!(script.modules[0].imports, [(specifier.to_owned(), "jsr:@std/greet/mod.ts".to_owned())]);
    }
    let script = load(vendored("import '@std/greet/greet';\nimport 'jsr:@std/mark@0.2.4';").source()).unwrap();
    assert_eq!(names(&script)[1..3], ["jsr:@std/greet/greet.ts", "jsr:@std/mark/mod.ts"]);
    // A text without a folder may import them, and nothing relative.
    let folder = vendored("");
    let proposal = |source: &str| Source::Text {
        name: "main.ts".into(),
        text: source.into(),
        vendor: Some(folder.path("vendor")),
    };
    assert_eq!(load(proposal("import '@std/mark';")).unwrap().modules.len(), 2);
    assert_eq!(
        refused(proposal("import './a.ts';")),
        "main.ts:1:8: `a.ts` cannot be imported: a script that is one text has no files beside it"
    );
    assert_eq!(load(proposal("import './main.ts';")).unwrap().modules.len(), 1, "it may import itself");
}

#[test]
fn what_is_not_vendored_or_not_exported_is_refused() {
    let check = |specifier: &str, expected: &str| {
        let told = refused(vendored(&format!("import {specifier:?};")).source());
        assert_eq!(told, format!("main.ts:1:8: `{specifier}` cannot be imported: {expected}"));
    };
    check("@std/other", "@std/other is not vendored; put it into the folder of vendored packages, with its jsr.json");
    check("@std/greet/other", "the vendored @std/greet does not export `./other`");
    check("@std/greet/_inside/shout.ts", "the vendored @std/greet does not export `./_inside/shout.ts`");
    check("@std/greet/../mark/mod.ts", "the vendored @std/greet does not export `./../mark/mod.ts`");
    check("@std/greet/out", "the vendored @std/greet exports `./out` by a path that leads elsewhere");
    check("jsr:@std/greet@^2", "@std/greet is vendored in version 1.2.3, and ^2 is asked for");
    check("jsr:@std/greet@latest", "the version `latest` of @std/greet is not understood; write for example `^1.2.3`");
    check("jsr:@std/up@1", "the vendored @std/up does not say its version, and 1 is asked for");
    let told = refused(vendored("import '@std/broken';").source());
    assert!(told.contains("the vendored @std/broken/jsr.json is not usable: "), "{told}");
    let told = refused(vendored("import '@std/up';").source());
    assert_eq!(
        told,
        "jsr:@std/up/mod.ts:1:8: `../mark/mod.ts` cannot be imported: it leads above the package jsr:@std/up"
    );
    let nowhere = Source::File { path: vendored("").path("tool/main.ts"), vendor: None };
    assert!(refused(nowhere).contains("No such file"));
    let source = Source::Text {
        name: "main.ts".into(),
        text: "import '@std/mark';".into(),
        vendor: Some(Path::new("/nowhere").into()),
    };
    assert_eq!(
        refused(source),
        "main.ts:1:8: `@std/mark` cannot be imported: there is no folder of vendored packages; nothing is fetched"
    );
}

#[test]
fn a_text_has_the_name_of_a_file() {
    for name in ["", ".", "..", "a/b.ts", "/a.ts", "a\\b.ts", "jsr:a.ts", "a\0.ts", &"x".repeat(256)] {
        let told = refused(text(name, "export {};"));
        assert!(told.ends_with("that is no name of a file; write for example `main.ts`"), "{name:?}: {told}");
    }
}
