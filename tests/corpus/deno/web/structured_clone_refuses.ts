export function run() {
  const fails = (value) => { try { structuredClone(value); return "cloned"; } catch (error) { return `${error.name} ${error.code} ${error.constructor.name} ${error.message}`; } };
  const functions = [() => 1, function named() {}, { f() {} }].map((value) => fails(value).endsWith(" could not be cloned."));
  return [functions, fails({ deep: [Symbol("s")] }), fails(new WeakMap()), fails(Promise.resolve()), fails(new WeakRef({}))];
}
