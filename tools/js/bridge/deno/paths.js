// Paths as Deno's functions take them: strings, and URLs of files.

const { coded } = internal.deno;

/** The path that was meant. Fails as Deno does for what is none. */
function pathOf(given) {
  if (typeof globalThis.URL === "function" && given instanceof globalThis.URL) return pathOfUrl(given);
  if (typeof given !== "string" || given === "") throw new Error("Empty path is not allowed");
  if (given.includes("\0")) throw coded(TypeError, "file name contained an unexpected NUL byte", "EINVAL");
  return given;
}

function pathOfUrl(url) {
  if (url.protocol !== "file:") throw new TypeError("Must be a file URL");
  return pathOf(decodeURIComponent(url.pathname.replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25")));
}

/** The directory that a path lies in, without a look at what is there; nothing for one segment. */
function parentOf(path) {
  const cut = path.replace(/\/+$/, "").lastIndexOf("/");
  return cut <= 0 ? undefined : path.slice(0, cut).replace(/\/+$/, "") || undefined;
}

Object.assign(internal.deno, { pathOf, parentOf });
