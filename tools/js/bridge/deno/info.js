// What is known of files: `stat`, `lstat`, `realPath`.

const { pathOf, system, translate, unsupported } = internal.deno;

const UNKNOWN = [
  "atime", "birthtime", "ctime", "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "blksize", "blocks", "isBlockDevice",
  "isCharDevice", "isFifo", "isSocket",
];

function fileInfo(kind, size, mtime) {
  const info = {
    isFile: kind === "file",
    isDirectory: kind === "directory",
    isSymlink: kind === "link",
    size,
    mtime,
  };
  // Deno's type allows it: not every system knows these.
  for (const name of UNKNOWN) info[name] = null;
  return info;
}

function dateOf({ seconds, nanoseconds }) {
  return new Date(Number(seconds) * 1000 + Math.floor(nanoseconds / 1e6));
}

function* look(path, doing) {
  try {
    return (yield ["fs.stat", { path }])[0];
  } catch (error) {
    throw translate(error, doing, [path], "read");
  }
}

function* lstat(given) {
  const path = pathOf(given);
  const { kind, size, modified } = yield* look(path, "lstat");
  return fileInfo(kind, Number(size), dateOf(modified));
}

function* stat(given) {
  const path = pathOf(given);
  const { kind, size, modified } = yield* look(path, "stat");
  if (kind !== "link") return fileInfo(kind, Number(size), dateOf(modified));
  return yield* behind(path, "stat");
}

/** What a link leads to, found out by opening it: no system call tells it by name, so its time stays unknown. */
function* behind(path, doing) {
  try {
    const [, content] = yield ["fs.read", { path }];
    return fileInfo("file", content.length, null);
  } catch (error) {
    const reason = translate(error, doing, [path], "read");
    if (reason.code !== "EISDIR") throw reason.code === "EFBIG" ? unsupported("Deno.stat of a link to so large a file") : reason;
  }
  return fileInfo("directory", 0, null);
}

/** Whether a directory is at the path, through links. False for what is not there or not to be seen. */
function* isDirectory(path) {
  try {
    return (yield* stat(path)).isDirectory;
  } catch {
    return false;
  }
}

function* realPath(given) {
  const path = pathOf(given);
  const base = path.startsWith("/") ? "" : (yield ["fs.working-directory", {}])[0];
  const segments = [];
  for (const segment of `${base}/${path}`.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  // What lies above the working directory may not be seen, and has no links that a name could lead through.
  const known = base.split("/").filter((segment) => segment !== "").length;
  const whole = `/${segments.join("/")}`;
  for (let count = Math.max(1, Math.min(known, segments.length)); count <= segments.length; count += 1) {
    const prefix = `/${segments.slice(0, count).join("/")}`;
    let kind;
    try {
      ({ kind } = (yield ["fs.stat", { path: prefix }])[0]);
    } catch (error) {
      throw translate(error, "realpath", [path], "read");
    }
    if (kind === "link") throw unsupported("Deno.realPath through a symbolic link");
    if (kind !== "directory" && count < segments.length) throw system("ENOTDIR", "realpath", `'${path}'`);
  }
  return whole;
}

Object.assign(internal.deno, { lstat, stat, isDirectory, realPath });
