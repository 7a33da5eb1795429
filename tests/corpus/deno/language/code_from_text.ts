export async function run() {
  const add = new Function("a", "b", "return a + b");
  const AsyncFunction = (async () => {}).constructor as any;
  return [eval("1 + 1"), add(2, 3), (0, eval)("typeof run"), await new AsyncFunction("return await 5")(), (() => { try { eval("1 +"); } catch (error: any) { return error.name; } })()];
}
