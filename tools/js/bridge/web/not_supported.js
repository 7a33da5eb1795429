// What is not bridged says so by name. The error is `Deno.errors.NotSupported`, which the namespace `Deno` brings.

let make = (text) => {
  const error = new Error(text);
  error.name = "NotSupported";
  return error;
};

// `given(text)` makes the error.
export function makeNotSupportedWith(given) {
  make = given;
}

export function notSupported(what) {
  return make(`${what} is not supported here`);
}
