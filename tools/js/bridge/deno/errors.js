// `Deno.errors`, and what a refused or failed system call is in Deno's words. Classes, codes and messages are those of Deno 2.9.

const { denied } = internal.deno;
const { workingDirectory } = internal.natives;

const NAMES = [
  "NotFound", "PermissionDenied", "ConnectionRefused", "ConnectionReset", "ConnectionAborted", "NotConnected", "AddrInUse",
  "AddrNotAvailable", "BrokenPipe", "AlreadyExists", "InvalidData", "TimedOut", "Interrupted", "WriteZero", "WouldBlock",
  "UnexpectedEof", "BadResource", "Http", "Busy", "NotSupported", "FilesystemLoop", "IsADirectory", "NetworkUnreachable",
  "NotADirectory", "NotCapable",
];

const errors = {};
for (const name of NAMES) {
  errors[name] = {
    [name]: class extends Error {
      constructor(message, options) {
        super(message, options);
        this.name = name;
      }
    },
  }[name];
}

/** What the operating systems that Deno runs on would say: class, code, number and words. */
const SYSTEM = {
  ENOENT: [errors.NotFound, 2, "No such file or directory"],
  EEXIST: [errors.AlreadyExists, 17, "File exists"],
  ENOTDIR: [errors.NotADirectory, 20, "Not a directory"],
  EISDIR: [errors.IsADirectory, 21, "Is a directory"],
  EINVAL: [TypeError, 22, "Invalid argument"],
  EFBIG: [Error, 27, "File too large"],
  ENOTEMPTY: [Error, 39, "Directory not empty"],
  ELOOP: [errors.FilesystemLoop, 40, "Too many levels of symbolic links"],
};
/** Deno looks at these before it opens a file, and then names no file. */
const BARE = ["ENOTDIR", "ELOOP"];
const OPENS = ["readfile", "writefile", "copy"];

/** An error of the class `constructor` with a code, as Deno's have. */
function coded(constructor, message, code, cause) {
  const error = new constructor(message, cause === undefined ? undefined : { cause });
  error.code = code;
  return error;
}

/** The error of a system that failed with `code` while it did `doing` (a word of Deno's) to `about` (paths, quoted). */
function system(code, doing, about, cause) {
  const [constructor, number, words] = SYSTEM[code];
  const place = BARE.includes(code) && OPENS.includes(doing) ? "" : `: ${doing} ${about}`;
  return coded(constructor, `${words} (os error ${number})${place}`, code, cause);
}

/** What a rule or a person refused. */
function notCapable(message, cause) {
  return denied(new errors.NotCapable(message, { cause }));
}

/** What is not bridged says so by its name. */
function unsupported(name, instead) {
  return new errors.NotSupported(`${name} is not supported here${instead === undefined ? "" : `: ${instead}`}`);
}

/** Which permission of Deno's a right is. */
const ACCESS = { read: "read", list: "read", write: "write", delete: "write" };

/** Whether a path leaves its mount or names none, so that it is of nothing that anybody could be allowed here. */
function leaves(path) {
  let depth = 0;
  const whole = path.startsWith("/") ? path : `${workingDirectory() ?? ""}/${path}`;
  for (const segment of whole.split("/")) {
    if (segment === "..") {
      if (depth <= 1) return true;
      depth--;
    } else if (segment !== "" && segment !== ".") depth++;
  }
  return depth === 0;
}

// The contract has one case, `wrong-kind`, for a directory, for what is none, and for a link, and one, `invalid`, for names and for where
// links lead: what tells these apart is their words alone.
const LEADS_OUT = "leads out of its mount";

/** Deno takes every name for one that a permission could be of, so what lies outside is refused as any other is. */
function outside(message, paths, wanted, cause) {
  const at = Math.max(0, paths.findIndex(leaves));
  const access = at > 0 ? "write" : wanted;
  return notCapable(`Requires ${access} access to "${paths[at]}": ${message}`, cause);
}

function wrongKind(message) {
  if (message.includes("a part of the name is no directory") || message.includes("not a directory")) return "ENOTDIR";
  if (message.includes("it is a directory")) return "EISDIR";
  if (message.includes("symbolic link")) return "ELOOP";
  return undefined;
}

/**
 * The error of Deno's for one of the system calls'. `wanted` is the permission of Deno's that the operation stands for, and `paths` are
 * the names as the script wrote them.
 */
function translate(error, doing, paths, wanted) {
  const about = paths.map((path) => `'${path}'`).join(" -> ");
  const message = String(error?.message ?? error);
  switch (error?.code) {
    case "denied": {
      const access = ACCESS[error.right] ?? wanted;
      const path = paths[wanted !== undefined && access !== wanted ? paths.length - 1 : 0];
      return notCapable(`Requires ${access} access to "${path}": ${message}`, error);
    }
    case "not-found":
      return system("ENOENT", doing, about, error);
    case "already-exists":
      return system("EEXIST", doing, about, error);
    case "not-empty":
      return system("ENOTEMPTY", doing, about, error);
    case "too-large":
      return coded(Error, `File too large (os error 27): ${doing} ${about}: ${message}`, "EFBIG", error);
    case "wrong-kind": {
      const code = wrongKind(message);
      if (code !== undefined) return system(code, doing, about, error);
      return new errors.NotSupported(`${doing} ${about}: ${message}`, { cause: error });
    }
    case "invalid":
      if (paths.some(leaves) || message.includes(LEADS_OUT)) return outside(message, paths, wanted, error);
      if (message.includes("symbolic links")) return system("ELOOP", doing, about, error);
      return coded(TypeError, `Invalid argument (os error 22): ${doing} ${about}: ${message}`, "EINVAL", error);
    case "interrupted":
      return new errors.Interrupted(message, { cause: error });
    case undefined:
      return error;
    default:
      return new Error(`${doing} ${about}: ${message}`, { cause: error });
  }
}

Object.assign(internal.deno, { errors, coded, system, notCapable, unsupported, translate });
