//! The policy of a workspace, with the real binary: nothing before it is accepted, nothing of a change before a person has seen it,
//! whatever lies where the file should be, and nothing that a tool does to what belongs to the host.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A workspace and its data directory, both gone at the end.
struct Scene {
    root: PathBuf,
    /// Where the data directory is, if it is not where it usually is.
    data: Option<PathBuf>,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Puts something odd where a policy should be.
type Plant<'a> = &'a dyn Fn(&Path);

/// A host that runs until the end of the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

impl Scene {
    fn bare(name: &str) -> Scene {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("policy").join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("workspace")).unwrap();
        Scene { root, data: None }
    }

    fn with(name: &str, policy: &str) -> Scene {
        let scene = Scene::bare(name);
        scene.write("libos.toml", policy);
        scene.run(&["trust", "--yes"]).ends(0);
        scene
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_libos"));
        command
            .current_dir(self.root.join("workspace"))
            .env("XDG_STATE_HOME", self.root.join("state"))
            .env("XDG_CONFIG_HOME", self.root.join("config"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn serve(&self) -> Serving {
        let mut child = self.command(&["serve", "--json"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("socket"), "the host did not start: {line}");
        Serving(child)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join("workspace").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn data_directory(&self) -> PathBuf {
        fs::read_dir(self.root.join("state/libos")).unwrap().next().unwrap().unwrap().path()
    }

    /// Every file of the scene and what is in it.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.root.clone()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                if metadata.is_dir() {
                    found.insert(path.clone(), b"directory".to_vec());
                    open.push(path);
                } else if metadata.is_symlink() {
                    let target = fs::read_link(&path).unwrap();
                    found.insert(path, target.into_os_string().into_encoded_bytes());
                } else if metadata.is_file() {
                    let content = fs::read(&path).unwrap();
                    found.insert(path, content);
                }
            }
        }
        found
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn guest(name: &str) -> &'static str {
    libos_e2e::GUESTS.iter().find(|(known, _)| *known == name).unwrap().1
}

const WRITE: &str = r#"{"path": "new.txt", "content": "hello"}"#;
const READ: &str = r#"{"path": "a.txt"}"#;
const PLANTED: &str = "[mounts]\nworkspace = \"/\"\n[image.\"*\"]\nallow = [\"read,list,write,delete fs:**\", \"ask,tell human:**\"]\n\
                       [image.base]\ndefault = \"ask\"\n";
const POLICY: &str = r#"[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**"]
ask = ["write fs:workspace/**"]
"#;

#[test]
fn a_planted_policy_does_nothing_before_a_person_accepts_it() {
    let plain = |file: &Path| fs::write(file, PLANTED).unwrap();
    let near = |file: &Path| {
        fs::write(file.with_file_name("policy.txt"), PLANTED).unwrap();
        symlink("policy.txt", file).unwrap();
    };
    let far = |file: &Path| {
        let elsewhere = file.parent().unwrap().with_file_name("policy.txt");
        fs::write(&elsewhere, PLANTED).unwrap();
        symlink(elsewhere, file).unwrap();
    };
    let rows: [(&str, Plant<'_>, bool); 3] = [("plain", &plain, true), ("near", &near, false), ("far", &far, false)];
    for (name, plant, can_be_trusted) in rows {
        let scene = Scene::bare(&format!("planted-{name}"));
        plant(&scene.path("libos.toml"));
        let before = scene.files();
        for verb in [
            &["call", "echo"][..],
            &["call", "write_text_file", WRITE],
            &["serve"],
            &["ps"],
            &["show", "p1"],
            &["inbox"],
            &["answer", "q1", "allow"],
            &["grant", "image:base", "read", "fs:workspace/**"],
            &["grants"],
            &["revoke", "g1"],
            &["calls", "--resume"],
            &["tool", "list"],
            &["tool", "add", guest("noop")],
            &["image", "list"],
            &["objects"],
            &["events"],
            &["audit", "verify"],
            &["policy", "reload", "--yes"],
        ] {
            let said = scene.run(verb).ends(2);
            assert!(said.out.is_empty() && said.err.contains("libos trust"), "{name} {verb:?}: {}", said.err);
        }
        scene.run(&["doctor"]).ends(5);
        assert_eq!(scene.files(), before, "{name}: something was written");
        if can_be_trusted {
            let refused = scene.run(&["trust"]).ends(2);
            assert!(refused.out.contains("workspace = \"/\"") && refused.err.contains("--yes"), "{}", refused.err);
            assert_eq!(scene.files(), before, "{name}: something was written");
        } else {
            let refused = scene.run(&["trust", "--yes"]).ends(2);
            assert!(refused.err.contains("it is a symbolic link"), "{}", refused.err);
            fs::remove_file(scene.path("libos.toml")).unwrap();
            scene.write("libos.toml", PLANTED);
        }
        scene.run(&["trust", "--yes"]).ends(0);
        scene.run(&["call", "echo"]).ends(0);
    }
}

#[test]
fn a_changed_policy_holds_from_the_reload_on_and_not_before() {
    for served in [false, true] {
        let scene = Scene::with(if served { "reload-served" } else { "reload" }, POLICY);
        let _host = served.then(|| scene.serve());
        scene.write("a.txt", "a");
        scene.run(&["tool", "add", guest("append_loop")]).ends(0);
        scene.run(&["call", "write_text_file", WRITE]).ends(4);
        let new = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\"list fs:workspace/**\", \"write fs:workspace/log\"]\n\
                   # \u{202e}\n[image.\"*\"]\ndeny = [\"write fs:workspace/new.txt\"]\n[limits]\nimports = 5\n";
        scene.write("libos.toml", new);
        let warned = scene.run(&["call", "read_text_file", READ]).ends(0).err;
        assert_eq!(warned, "warning: libos.toml has changed; `libos policy reload` shows what that means\n");
        let shown = scene.run(&["policy", "reload"]).ends(2);
        assert!(
            shown.err.contains("a person must accept") && shown.err.contains("`libos policy reload`"),
            "{}",
            shown.err
        );
        for line in [
            "- allow read,list fs:workspace/** (image base): revokes g1 and 1 grant that hangs on it",
            "- ask write fs:workspace/** (image base): revokes g2 and 1 grant that hangs on it",
            "+ allow list fs:workspace/** (image base)",
            "+ deny write fs:workspace/new.txt (image *): reaches 1 live process",
            "  imports of a call: 100000 -> 5",
            "+ # \\u{202e}",
        ] {
            assert!(shown.out.lines().any(|shown| shown == line), "{line}: {}", shown.out);
        }
        assert!(!shown.out.contains('\u{202e}'));
        scene.run(&["call", "read_text_file", READ]).ends(0);
        let changed = scene.run(&["--json", "policy", "reload", "--yes"]).ends(0).json();
        assert_eq!((&changed["changed"], &changed["meaning"]["gone"][0]["grant"]), (&json!(true), &json!("g1")));
        scene.run(&["call", "read_text_file", READ]).ends(3);
        // The new deny and the end of the ask reach the call that waits.
        scene.run(&["answer", "q1", "allow"]).ends(3);
        assert!(!scene.path("new.txt").exists());
        let failed = scene.run(&["call", "append_loop", r#"{"path": "log", "count": 9}"#]).ends(1).err;
        assert!(failed.contains("import"), "{failed}");
        assert_eq!(fs::read_to_string(scene.path("log")).unwrap(), "0\n1\n2\n3\n4\n");
        assert!(scene.run(&["policy", "reload"]).ends(0).out.contains("nothing has changed"));
        assert_eq!(scene.run(&["--json", "trust"]).ends(0).json()["changed"], false);
        scene.run(&["audit", "verify"]).ends(0);
    }
}

#[test]
fn an_erroneous_policy_leaves_the_old_one_in_force_and_says_so() {
    let scene = Scene::with("erroneous", POLICY);
    scene.write("a.txt", "a");
    scene.write(
        "libos.toml",
        &format!("{POLICY}deny = [\n    \"raed fs:workspace/**\",\n    \"read fs:worskpace\",\n]\n[limit]\n"),
    );
    for verb in [&["policy", "reload", "--yes"][..], &["trust", "--yes"]] {
        let said = scene.run(verb).ends(2);
        for part in [
            "libos.toml:7:5: 'raed' is no right",
            "did you mean 'read'?",
            "libos.toml:10:2: there is no section 'limit'",
        ] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
        assert!(said.err.contains("2 errors") && said.err.contains("the policy in force stays"), "{}", said.err);
    }
    scene.run(&["call", "read_text_file", READ]).ends(0);
    // What one accepts first has errors too, and nothing is in force then.
    let scene = Scene::bare("erroneous-first");
    scene.write("libos.toml", "[image.base]\nalow = []\n");
    assert!(scene.run(&["trust", "--yes"]).ends(2).err.contains("nothing is in force"));
    assert!(!scene.root.join("state").exists());
}

#[test]
fn a_check_tells_errors_and_warnings_with_their_places() {
    let scene = Scene::with("check", POLICY);
    scene.write(
        "other.toml",
        &POLICY.replace("allow = [", "deny = [\"write fs:workspace/b\"]\nallow = [\"write fs:wrkspace/b\", "),
    );
    let said = scene.run(&["policy", "check", "other.toml"]).ends(0);
    assert_eq!(said.out, "fine: 1 mount, 4 rules, 1 warning\n");
    assert!(said.err.contains("warning: other.toml:5:10: there is no mount 'wrkspace'"), "{}", said.err);
    assert!(
        said.err.contains("\n  5 | allow = [\"write") && said.err.contains("did you mean 'workspace'?"),
        "{}",
        said.err
    );
    scene.write("bad.toml", "[image.base]\nallow = [\"wirte fs:workspace/a\"]\nnothing = 1\n");
    let said = scene.run(&["policy", "check", "bad.toml"]).ends(1);
    let want = "error: bad.toml:2:10: 'wirte' is no right\n  2 | allow = [\"wirte fs:workspace/a\"]\n    |          ^\n  hint: did you mean 'write'?\n";
    assert!(said.err.starts_with(want) && said.err.ends_with("2 errors in bad.toml\n"), "{}", said.err);
    let value = scene.run(&["--json", "policy", "check", "bad.toml"]).ends(1).json();
    assert_eq!((&value["ok"], &value["line"], &value["errors"][1]["line"]), (&json!(false), &json!(2), &json!(3)));
    assert_eq!(value["errors"][0]["hint"], "did you mean 'write'?");
    let value = scene.run(&["--json", "policy", "check", "other.toml"]).ends(0).json();
    assert_eq!((&value["ok"], &value["rules"], &value["warnings"][0]["line"]), (&json!(true), &json!(4), &json!(5)));
    scene.write("image.toml", "[image.bsae]\nallow = []\n");
    assert!(scene.run(&["policy", "check", "image.toml"]).ends(0).err.contains("did you mean 'base'?"));
    scene.run(&["policy", "check", "none.toml"]).ends(2);
}

#[test]
fn whatever_lies_where_the_policy_should_is_a_clear_error() {
    let scene = Scene::with("odd", POLICY);
    let file = scene.path("libos.toml");
    let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let socket = |path: &Path| drop(UnixListener::bind(path).unwrap());
    let linked = |path: &Path| {
        fs::write(path.with_file_name("real.toml"), POLICY).unwrap();
        symlink("real.toml", path).unwrap();
    };
    let huge = |path: &Path| fs::File::create(path).unwrap().set_len(100 << 20).unwrap();
    let rows: [(&str, Plant<'_>); 8] = [
        ("it is a directory", &|path| fs::create_dir(path).unwrap()),
        ("a pipe or a device", &pipe),
        ("no regular file", &socket),
        ("it is a symbolic link", &linked),
        ("it is a symbolic link", &|path| symlink("missing", path).unwrap()),
        ("a symbolic link", &|path| symlink("/dev/zero", path).unwrap()),
        ("more than 1048576 bytes", &huge),
        ("no UTF-8 text: byte 3", &|path| fs::write(path, b"# \xff").unwrap()),
    ];
    for (why, make) in rows {
        fs::remove_file(&file).or_else(|_| fs::remove_dir(&file)).unwrap();
        make(&file);
        for verb in [&["policy", "reload", "--yes"][..], &["trust", "--yes"]] {
            let said = scene.run(verb).ends(2).err;
            assert!(said.contains("libos.toml cannot be read") && said.contains(why), "{why}: {said}");
        }
        let said = scene.run(&["call", "echo"]).ends(0).err;
        let lines: Vec<&str> = said.lines().collect();
        assert!(
            matches!(lines[..], [line] if line.contains(why) && line.ends_with("the policy in force goes on")),
            "{said}"
        );
        assert_eq!(scene.run(&["doctor"]).ends(0).err, "");
    }
    let check = scene.run(&["policy", "check", "libos.toml"]).ends(2).err;
    assert!(check.contains("no UTF-8 text"), "{check}");
    fs::remove_file(&file).unwrap();
    let said = scene.run(&["--workspace", ".", "call", "echo"]).ends(0).err;
    assert_eq!(said, "warning: libos.toml is gone; the policy in force goes on\n");
}

/// What must stay as it is: which file it is, and what is in it.
fn state_of(path: &Path) -> (u64, Vec<u8>) {
    let metadata = path.symlink_metadata().unwrap();
    // The store itself goes on being written.
    let is_fixed = metadata.is_file() && path.extension().is_none_or(|extension| extension != "redb");
    (metadata.ino(), if is_fixed { fs::read(path).unwrap() } else { Vec::new() })
}

/// What belongs to the host, in a workspace that holds its data directory too.
const OWN: [&str; 4] = ["libos.toml", "inner/data/store.redb", "inner/data/secret", "inner/data/socket"];
/// Other names of it, what it lies in, and what could be put beside it.
const OTHER_NAMES: [&str; 14] = [
    "./libos.toml",
    "sub/../libos.toml",
    "sub/above/libos.toml",
    "link",
    "linked/secret",
    "hard-before",
    "hard-policy",
    "hard-secret",
    "hard-store",
    "inner/data",
    "inner/data/new",
    "inner/data/code/new",
    "inner",
    "/up/workspace",
];

fn check_standard_tools(scene: &Scene) {
    for (tool, arguments) in [
        ("write_text_file", json!({"path": "libos.toml", "content": "x"})),
        ("write_text_file", json!({"path": "inner/data/secret", "content": "x"})),
        ("delete_file", json!({"path": "libos.toml"})),
        ("delete_file", json!({"path": "inner/data/socket"})),
        ("delete_directory", json!({"path": "inner/data", "recursive": true})),
        ("delete_directory", json!({"path": "inner", "recursive": true})),
        ("delete_directory", json!({"path": "/up/workspace", "recursive": true})),
        ("write_directory", json!({"path": "inner/data/new"})),
        ("set_working_directory", json!({"path": "inner/data"})),
        ("read_text_file", json!({"path": "inner/data/secret"})),
        ("read_directory", json!({"path": "inner/data"})),
        ("create_object_from_file", json!({"name": "a", "path": "inner/data/secret"})),
    ] {
        let said = scene.run(&["call", tool, &arguments.to_string()]);
        assert!(matches!(said.code, Some(1 | 3)), "{tool} {arguments}: {:?} {}", said.code, said.err);
    }
}

#[test]
fn no_tool_changes_the_policy_the_data_the_socket_or_the_secret() {
    let mut scene = Scene::bare("protected");
    scene.data = Some(scene.path("inner/data"));
    fs::create_dir(scene.path("inner")).unwrap();
    scene.write(
        "libos.toml",
        "[mounts]\nworkspace = \".\"\nup = \"..\"\n[image.base]\nallow = [\"read,list,write,delete fs:workspace/**\", \
         \"read,list,write,delete fs:up/**\", \"read,list,write,delete object:**\"]\n",
    );
    scene.write("mine.txt", "mine");
    fs::create_dir(scene.path("sub")).unwrap();
    scene.run(&["trust", "--yes"]).ends(0);
    scene.run(&["tool", "add", guest("file_act")]).ends(0);
    symlink("libos.toml", scene.path("link")).unwrap();
    symlink("inner/data", scene.path("linked")).unwrap();
    symlink("..", scene.path("sub/above")).unwrap();
    fs::hard_link(scene.path("libos.toml"), scene.path("hard-before")).unwrap();
    let _host = scene.serve();
    fs::hard_link(scene.path("libos.toml"), scene.path("hard-policy")).unwrap();
    fs::hard_link(scene.path("inner/data/secret"), scene.path("hard-secret")).unwrap();
    fs::hard_link(scene.path("inner/data/store.redb"), scene.path("hard-store")).unwrap();
    let before: Vec<_> = OWN.map(|name| state_of(&scene.path(name))).into();
    let act = |operation: &str, path: &str, to: &str| {
        let arguments = json!({"operation": operation, "path": path, "to": to}).to_string();
        scene.run(&["call", "file_act", &arguments])
    };
    let targets = OWN.iter().map(|name| (*name).to_owned()).chain(OWN.map(|name| format!("/up/workspace/{name}")));
    let targets: Vec<String> = targets.chain(OTHER_NAMES.map(str::to_owned)).collect();
    let mut tried = 0;
    for target in &targets {
        for (operation, path, to) in [
            ("read", target.as_str(), ""),
            ("write", target, ""),
            ("append", target, ""),
            ("make-dir", target, ""),
            ("remove", target, ""),
            ("remove-all", target, ""),
            ("rename", target, "away"),
            ("rename-replacing", "mine.txt", target),
            ("copy", target, "copied"),
            ("copy-replacing", "mine.txt", target),
        ] {
            // A name of one's own may be taken away: what it was a name of stays as it is.
            if operation.starts_with("re") && target == "link" && operation != "read" {
                continue;
            }
            let said = act(operation, path, to);
            assert!(matches!(said.code, Some(1 | 3)), "{operation} {path} {to}: {:?} {}", said.code, said.err);
            tried += 1;
        }
    }
    check_standard_tools(&scene);
    let after: Vec<_> = OWN.map(|name| state_of(&scene.path(name))).into();
    assert_eq!(after, before, "after {tried} tries");
    assert!(!scene.path("away").exists() && !scene.path("copied").exists());
    assert_eq!(fs::read_to_string(scene.path("mine.txt")).unwrap(), "mine");
    // The tool can do all that with what is its own.
    for (operation, path, to) in
        [("write", "own", ""), ("append", "own", ""), ("copy", "own", "two"), ("rename", "two", "three")]
    {
        act(operation, path, to).ends(0);
    }
    scene.run(&["audit", "verify"]).ends(0);
}

#[test]
fn a_host_does_not_start_without_what_it_relies_on_unless_that_was_accepted() {
    let scene = Scene::with("private", POLICY);
    let data = scene.data_directory();
    let open = |mode| fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
    let finding = |scene: &Scene, id: &str| -> Value {
        let rows = scene.run(&["--json", "doctor"]).json();
        rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
    };
    let found = finding(&scene, "private-data-directory");
    assert_eq!(
        (&found["state"], &found["required"], &found["accepted"]),
        (&json!("present"), &json!(true), &json!(false))
    );
    open(0o755);
    for verb in [&["call", "echo"][..], &["serve"], &["grant", "image:base", "read", "fs:workspace/a"]] {
        let said = scene.run(verb).ends(5).err;
        for part in [
            "private-data-directory is missing",
            "other users can read or change what the host keeps",
            "chmod 700",
            "[accept]",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert_eq!(finding(&scene, "private-data-directory")["state"], "missing");
    assert!(scene.run(&["doctor"]).ends(5).err.contains("cannot run"));
    let accept = |sentence: &str| {
        scene.write("libos.toml", &format!("{POLICY}[accept]\nprivate-data-directory = \"{sentence}\"\n"));
        scene.run(&["policy", "reload", "--yes"])
    };
    assert!(accept("yes").ends(2).err.contains("other users can read or change what the host keeps"));
    let shown = accept("other users can read or change what the host keeps").ends(0).out;
    assert!(shown.contains("a host may start without private-data-directory: other users"), "{shown}");
    scene.run(&["call", "echo"]).ends(0);
    assert_eq!(finding(&scene, "private-data-directory")["accepted"], true);
    scene.run(&["doctor"]).ends(0);
    let records = scene.run(&["--json", "audit", "show"]).ends(0).json();
    let told = |operation: &str, part: &str| {
        let mut rows = records.as_array().unwrap().iter().filter(|row| row["operation"] == operation);
        assert!(rows.any(|row| row["detail"].as_str().unwrap().contains(part)), "{operation} {part}");
    };
    told("host.policy", "accepts to do without private-data-directory");
    told("host.weakened", "private-data-directory: other users");
    // Taken back, it is refused again, by a host that runs too; the old policy stays.
    {
        let _host = scene.serve();
        scene.write("libos.toml", POLICY);
        assert!(scene.run(&["policy", "reload", "--yes"]).ends(5).err.contains("private-data-directory is missing"));
        scene.run(&["call", "echo"]).ends(0);
    }
    assert!(scene.run(&["policy", "reload", "--yes"]).ends(5).err.contains("private-data-directory is missing"));
    scene.run(&["call", "echo"]).ends(0);
    open(0o700);
    scene.run(&["policy", "reload", "--yes"]).ends(0);
    assert_eq!(finding(&scene, "private-data-directory")["accepted"], false);
}

#[test]
fn a_data_directory_in_memory_is_told_and_does() {
    let mut scene = Scene::bare("memory");
    let disk = scene.root.join("disk");
    fs::create_dir(&disk).unwrap();
    let mut mounting = Command::new("mount");
    mounting.args(["-t", "tmpfs", "-o", "size=128m", "tmpfs"]).arg(&disk).stderr(Stdio::null());
    if !mounting.status().is_ok_and(|status| status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    scene.data = Some(disk.join("data"));
    scene.write("libos.toml", POLICY);
    let trusted = scene.run(&["trust", "--yes"]);
    let called = scene.run(&["call", "echo"]);
    let doctor = scene.run(&["--json", "doctor"]);
    let _ = Command::new("umount").arg("-l").arg(&disk).status();
    trusted.ends(0);
    called.ends(0);
    let rows = doctor.ends(0).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["id"] == "durable-data-directory").unwrap();
    assert_eq!((&row["state"], &row["required"]), (&json!("missing"), &json!(false)));
    assert!(
        row["detail"].as_str().unwrap().contains("tmpfs") && row["weakens"].as_str().unwrap().contains("power"),
        "{row}"
    );
}
