// `Deno.env`: variables that the policy gives and a rule grants by name, and what the script itself sets for its own run.

const { driveNow, notCapable } = internal.deno;

/** What this run has set; nothing for what it has deleted. */
const own = new Map();

function* ask(name) {
  try {
    return (yield ["process.environment", { name }])[0] ?? undefined;
  } catch (error) {
    if (error?.code !== "denied") throw error;
    throw notCapable(`Requires env access to "${name}": ${error.message}`, error);
  }
}

/** A variable is asked for whatever the run did with it, since the rules may have changed meanwhile. */
function look(given) {
  const name = String(given);
  const value = driveNow(ask(name));
  return own.has(name) ? own.get(name) : value;
}

const env = {
  get: look,
  has: (name) => look(name) !== undefined,
  set(name, value) {
    look(name);
    own.set(String(name), String(value));
  },
  delete(name) {
    look(name);
    own.set(String(name), undefined);
  },
  /** Deno, too, gives all only to who may read all; here each is granted by its name. */
  toObject() {
    throw notCapable("Requires env access: variables are granted by their names; ask for each");
  },
};

Object.assign(internal.deno, { env });
