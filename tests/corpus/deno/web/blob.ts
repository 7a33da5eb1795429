export async function run() {
  const b = new Blob(["aä", new Uint8Array([98]), new Blob(["c"])], { type: "Text/Plain" });
  const fails = (f) => { try { f(); return "no"; } catch (error) { return `${error.name}`; } };
  return [b.size, b.type, await b.text(), await b.slice(1, -1).text(), await b.slice(-1).text(), b.slice(0, 1, "x/y").type, [...new Uint8Array(await b.arrayBuffer())], new Blob().size, fails(() => new Blob("a")), [...await b.bytes()].length, String(b)];
}
