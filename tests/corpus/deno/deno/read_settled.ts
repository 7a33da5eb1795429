// file: a = "a"
// file: c = "c"
export async function run() {
  const settled = await Promise.allSettled(["a", "b", "c", "d"].map((name) => Deno.readTextFile(name)));
  return settled.map((one) => one.status === "fulfilled" ? one.value : `${one.reason}`);
}
