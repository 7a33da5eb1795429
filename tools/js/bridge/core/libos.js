// The system calls under the names of the contract.

const libos = { __proto__: null, Error: internal.LibosError };
internal.libos = libos;
libos.fs = {
  read: async (path) => (await internal.submit("fs.read", { path }))[1],
  list: async (path) => (await internal.submit("fs.list", { path }))[0],
};
internal.define(globalThis, "libos", libos);
