// Directories, and what moves or removes whole names.

const { coded, isDirectory, kindAt, parentOf, pathOf, system, translate, unsupported } = internal.deno;

function* readDir(given) {
  const path = pathOf(given);
  let entries;
  try {
    entries = (yield ["fs.list", { path }])[0];
  } catch (error) {
    throw translate(error, "readdir", [path], "read");
  }
  return entries.map(({ name, kind }) => ({
    name,
    isFile: kind === "file",
    isDirectory: kind === "directory",
    isSymlink: kind === "link",
  }));
}

function* mkdir(given, options) {
  const path = pathOf(given);
  if (options?.mode !== undefined && options.mode !== null) throw unsupported("the option mode of Deno.mkdir");
  if (!options?.recursive) {
    try {
      yield ["fs.make-dir", { path }];
    } catch (error) {
      throw translate(error, "mkdir", [path], "write");
    }
    return;
  }
  yield* mkdirAll(path, path);
}

function* mkdirAll(path, asked) {
  let missing = false;
  for (;;) {
    try {
      yield ["fs.make-dir", { path }];
      return;
    } catch (error) {
      if (error?.code === "already-exists" && (yield* isDirectory(path))) return;
      const parent = parentOf(path);
      if (error?.code !== "not-found" || parent === undefined || missing) throw translate(error, "mkdir", [asked], "write");
      yield* mkdirAll(parent, asked);
      missing = true;
    }
  }
}

function* remove(given, options) {
  const path = pathOf(given);
  try {
    yield ["fs.remove", { path, recursive: Boolean(options?.recursive) }];
  } catch (error) {
    throw translate(error, "remove", [path], "write");
  }
}

function* rename(from, to) {
  const oldPath = pathOf(from);
  const newPath = pathOf(to);
  const move = ["fs.rename", { oldPath, newPath, replace: true }];
  try {
    yield move;
  } catch (error) {
    if (error?.code === "wrong-kind" || error?.code === "invalid") {
      if (plain(oldPath) === plain(newPath) && (yield* kindAt(oldPath)) === "directory") return;
      if (yield* explain(error, oldPath, newPath)) return yield* moveOver(move, oldPath, newPath);
    }
    throw translate(error, "rename", [oldPath, newPath], "read");
  }
}

/** A directory takes the place of an empty one in two steps, since no system call does it in one. */
function* moveOver(move, oldPath, newPath) {
  try {
    yield ["fs.remove", { path: newPath, recursive: false }];
  } catch (error) {
    throw translate(error, "rename", [oldPath, newPath], "write");
  }
  try {
    yield move;
  } catch (error) {
    try {
      yield ["fs.make-dir", { path: newPath }];
    } catch {
      // What went wrong first is what is told.
    }
    throw translate(error, "rename", [oldPath, newPath], "read");
  }
}

/** A path without `.`, `..` and empty parts. Two that are equal name the same thing; others may, through a link. */
function plain(path) {
  const parts = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}

/** Only a file takes the place of a file here: says it as the system would that Deno asks. True if both are directories, the second empty. */
function* explain(error, oldPath, newPath) {
  const about = `'${oldPath}' -> '${newPath}'`;
  if (error.message.includes("cannot go into itself")) throw system("EINVAL", "rename", about, error);
  const [moved, there] = [yield* kindAt(oldPath), yield* kindAt(newPath)];
  if (there === "directory" && moved !== "directory") throw system("EISDIR", "rename", about, error);
  if (moved === "directory" && there === "file") throw system("ENOTDIR", "rename", about, error);
  if (moved !== "directory" || there !== "directory") return false;
  const [entries] = yield ["fs.list", { path: newPath }];
  if (entries.length > 0) throw coded(Error, `Directory not empty (os error 39): rename ${about}`, "ENOTEMPTY", error);
  return true;
}

function* chdir(given) {
  const path = pathOf(given);
  try {
    yield ["fs.change-directory", { path }];
  } catch (error) {
    throw translate(error, "chdir", [path], "read");
  }
}

Object.assign(internal.deno, { readDir, mkdir, remove, rename, chdir });
