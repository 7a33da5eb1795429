// Reading and writing whole files, and copying them.

const { coded, decode, encode, pathOf, system, translate, unsupported } = internal.deno;

/** Bytes that one system call moves. */
const PIECE = 16 * 1024 * 1024;

function throwIfAborted(options) {
  options?.signal?.throwIfAborted();
}

function* readFile(given, options) {
  const path = pathOf(given);
  throwIfAborted(options);
  try {
    return (yield ["fs.read", { path }])[1];
  } catch (error) {
    if (error?.code !== "too-large") throw translate(error, "readfile", [path], "read");
  }
  return yield* readPieces(path);
}

function* readPieces(path) {
  const pieces = [];
  let size = 0;
  for (;;) {
    let piece;
    try {
      ([, piece] = yield ["fs.read-range", { path, offset: size, length: PIECE }]);
    } catch (error) {
      throw translate(error, "readfile", [path], "read");
    }
    pieces.push(piece);
    size += piece.length;
    if (piece.length < PIECE) break;
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

function* readTextFile(given, options) {
  const bytes = yield* readFile(given, options);
  return decode(bytes);
}

function* writeTextFile(given, text, options) {
  if (isStream(text)) throw unsupported("Deno.writeTextFile of a stream", "collect it first");
  yield* writeFile(given, encode(text), options);
}

function* writeFile(given, content, options) {
  const path = pathOf(given);
  throwIfAborted(options);
  if (isStream(content)) throw unsupported("Deno.writeFile of a stream", "collect it first");
  if (!(content instanceof Uint8Array)) throw new TypeError(`expected type \`Uint8Array\`, got \`${nameOf(content)}\``);
  if (options?.mode !== undefined && options.mode !== null) throw unsupported("the option mode of Deno.writeFile");
  const { append = false, create = true, createNew = false } = options ?? {};
  // What is written must not change while it is written.
  const bytes = content.slice();
  try {
    if (append && !createNew) {
      if (!create) yield ["fs.read-range", { path, offset: 0, length: 0 }];
      yield* appendPieces(path, bytes, 0);
      return;
    }
    const mode = createNew ? "create-new" : create ? "create-or-replace" : "replace-existing";
    yield ["fs.write", { path, mode }, bytes.length > PIECE ? bytes.subarray(0, PIECE) : bytes];
    if (bytes.length > PIECE) yield* appendPieces(path, bytes, PIECE);
  } catch (error) {
    throw translate(error, "writefile", [path], "write");
  }
}

function* appendPieces(path, bytes, from) {
  let offset = from;
  do {
    yield ["fs.append", { path }, bytes.subarray(offset, offset + PIECE)];
    offset += PIECE;
  } while (offset < bytes.length);
}

function isStream(value) {
  return typeof value === "object" && value !== null && typeof value.getReader === "function";
}

function nameOf(value) {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return value.constructor?.name ?? "object";
}

function* copyFile(from, to) {
  const source = pathOf(from);
  const target = pathOf(to);
  const about = `'${source}' -> '${target}'`;
  try {
    yield ["fs.copy", { source, target, replace: true }];
  } catch (error) {
    if (error?.code === "wrong-kind" || error?.code === "invalid") {
      const [old, there] = [yield* kindAt(source), yield* kindAt(target)];
      if (old === "directory") throw refusedCopy(NO_FILE, about, error);
      if (there === "directory") throw system("EISDIR", "copy", about, error);
      if (isSame(source, target)) throw refusedCopy(SAME, about, error);
    }
    throw translate(error, "copy", [source, target], "read");
  }
  // The system call finds nothing wrong with it, and changes nothing.
  if (isSame(source, target)) throw refusedCopy(SAME, about);
}

const NO_FILE = "the source path is neither a regular file nor a symlink to a regular file";
const SAME = "Source and destination paths refer to the same file";

function refusedCopy(why, about, cause) {
  return coded(TypeError, `${why}: copy ${about}`, "EINVAL", cause);
}

/** Whether two paths are spelled alike but for empty segments and dots. */
function isSame(left, right) {
  const plain = (path) => `${path.startsWith("/")}${path.split("/").filter((segment) => segment !== "" && segment !== ".").join("/")}`;
  return plain(left) === plain(right);
}

/** What is at a path; nothing if that cannot be seen. */
function* kindAt(path) {
  try {
    return (yield ["fs.stat", { path }])[0].kind;
  } catch {
    return undefined;
  }
}

Object.assign(internal.deno, { readFile, readTextFile, writeTextFile, writeFile, copyFile, kindAt });
