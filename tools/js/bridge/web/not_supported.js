// What is not bridged says so by name, with `Deno.errors.NotSupported`.

function notSupported(what) {
  if (internal.deno !== undefined) return internal.deno.unsupported(what);
  const error = new Error(`${what} is not supported here`);
  error.name = "NotSupported";
  return error;
}

internal.web.not_supported = { __proto__: null, notSupported };
