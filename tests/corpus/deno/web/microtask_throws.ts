// throws: exact
export async function run() {
  queueMicrotask(() => { throw new SyntaxError("in a microtask"); });
  await new Promise((resolve) => setTimeout(resolve, 5));
  return "not reached";
}
