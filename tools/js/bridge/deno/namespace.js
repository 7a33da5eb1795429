// The namespace `Deno`: what is bridged, and for everything else of Deno 2.9 an error that names it.

import { connect, drive, driveNow, inspect } from "./host.js";
import { chdir, mkdir, readDir, remove, rename } from "./directories.js";
import { copyFile, readFile, readTextFile, writeFile, writeTextFile } from "./files.js";
import { env } from "./environment.js";
import { errors, unsupported } from "./errors.js";
import { lstat, realPath, stat } from "./info.js";

const BOTH = { copyFile, lstat, mkdir, readFile, readTextFile, realPath, remove, rename, stat, writeFile, writeTextFile };

const FUNCTIONS = [
  "addSignalListener", "bench", "chmod", "chmodSync", "chown", "chownSync", "connect", "connectTls", "consoleSize", "cpuUsage", "create",
  "createHttpClient", "createSync", "dlopen", "execPath", "gid", "hostname", "isatty", "kill", "link", "linkSync", "listen", "listenTls",
  "loadavg", "makeTempDir", "makeTempDirSync", "makeTempFile", "makeTempFileSync", "memoryUsage", "networkInterfaces", "open", "openSync",
  "osRelease", "osUptime", "readLink", "readLinkSync", "removeSignalListener", "resolveDns", "run", "serve", "serveHttp", "spawn",
  "spawnAndWait", "spawnAndWaitSync", "startTls", "symlink", "symlinkSync", "systemMemoryInfo", "test", "truncate", "truncateSync", "uid",
  "umask", "upgradeWebSocket", "utime", "utimeSync", "watchFs",
];
const CLASSES = [
  "ChildProcess", "Command", "FsFile", "HttpClient", "PermissionStatus", "Permissions", "Process", "UnsafeCallback", "UnsafeFnPointer",
  "UnsafePointer", "UnsafePointerView",
];
const VALUES = ["jupyter", "lint", "mainModule", "permissions", "ppid", "stderr", "stdin", "stdout", "telemetry"];
/** What to do instead, where there is something. */
const INSTEAD = {
  exit: "return from run, or throw",
  makeTempDir: "make a directory by a name of your own",
  makeTempFile: "make a file by a name of your own",
  stderr: "use console.error",
  stdout: "use console.log",
  test: "give the tests to whoever adds the tool",
};

function hidden(target, name, value) {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

function named(name, call) {
  Object.defineProperty(call, "name", { value: name, configurable: true });
  return call;
}

async function* entriesOf(path) {
  yield* await drive(readDir(path));
}

function listing(path) {
  return {
    [Symbol.asyncIterator]() {
      // Opened when somebody asks for the first entry, as Deno does.
      const entries = entriesOf(path);
      return {
        next: () => entries.next(),
        return: (value) => entries.return(value),
        throw: (error) => entries.throw(error),
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}

function addBridged(Deno) {
  for (const [name, steps] of Object.entries(BOTH)) {
    Deno[name] = named(name, async (...given) => await drive(steps(...given)));
    Deno[`${name}Sync`] = named(`${name}Sync`, (...given) => driveNow(steps(...given)));
  }
  Deno.readDir = named("readDir", listing);
  Deno.readDirSync = named("readDirSync", (path) => driveNow(readDir(path))[Symbol.iterator]());
  Deno.chdir = named("chdir", (path) => driveNow(chdir(path)));
  Deno.cwd = named("cwd", () => driveNow(workingDirectory()));
  Deno.inspect = named("inspect", inspect);
  // A timer never keeps a run alive here.
  Deno.refTimer = named("refTimer", () => {});
  Deno.unrefTimer = named("unrefTimer", () => {});
}

function* workingDirectory() {
  return (yield ["fs.working-directory", {}]).value;
}

function* processNumber() {
  return Number((yield ["process.self", {}]).value.pid.replace(/^p/, ""));
}

function addUnsupported(Deno) {
  const refuse = (name) => unsupported(`Deno.${name}`, INSTEAD[name]);
  for (const name of [...FUNCTIONS, "exit"]) {
    Deno[name] = named(name, () => {
      throw refuse(name);
    });
  }
  for (const name of CLASSES) {
    const refused = named(name, function () {
      throw refuse(name);
    });
    Deno[name] = refused;
  }
  for (const name of VALUES) {
    const get = () => {
      throw refuse(name);
    };
    Object.defineProperty(Deno, name, { get, configurable: true, enumerable: false });
  }
  const set = () => {
    throw refuse("exitCode");
  };
  Object.defineProperty(Deno, "exitCode", { get: () => 0, set, configurable: true, enumerable: true });
}

function facts(Deno) {
  Deno.args = [];
  // Paths and errors are those of this system; the rest is what runs.
  Deno.build = Object.freeze({
    target: "wasm32-unknown-unknown",
    arch: "wasm32",
    os: "linux",
    vendor: "unknown",
    env: undefined,
    standalone: false,
  });
  // The version with which results are compared.
  Deno.version = Object.freeze({ deno: "2.9.6", v8: "none", typescript: "none" });
  Deno.noColor = true;
  Deno.SeekMode = Object.freeze({ 0: "Start", 1: "Current", 2: "End", Start: 0, Current: 1, End: 2 });
  Object.defineProperty(Deno, "pid", { get: () => driveNow(processNumber()), configurable: true, enumerable: true });
}

/** Puts `Deno` into the global object. `host` is what `host.js` describes. */
export function install(global, host) {
  connect(host);
  const Deno = { errors, env };
  addBridged(Deno);
  addUnsupported(Deno);
  facts(Deno);
  hidden(global, "Deno", Deno);
}
