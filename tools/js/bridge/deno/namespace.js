// The namespace `Deno`: what is bridged, and for everything else of Deno 2.9 an error that names it.

const { chdir, copyFile, drive, driveNow, env, errors, lstat, mkdir, readDir, readFile, readTextFile, realPath, remove, rename, stat, unsupported, writeFile, writeTextFile } = internal.deno;

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
  Deno.inspect = named("inspect", (value, options) => internal.inspect(value, options));
  // A timer never keeps a run alive here.
  Deno.refTimer = named("refTimer", () => {});
  Deno.unrefTimer = named("unrefTimer", () => {});
}

function* workingDirectory() {
  return (yield ["fs.working-directory", {}])[0];
}

function* processNumber() {
  return Number((yield ["process.self", {}])[0].pid.replace(/^p/, ""));
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

const Deno = { errors, env };
addBridged(Deno);
addUnsupported(Deno);
facts(Deno);
internal.define(globalThis, "Deno", Deno);
