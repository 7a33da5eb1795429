// file: a = "first"
// file: b = "second"
export async function run() {
  const later = Deno.readTextFile("a");
  const now = Deno.readTextFileSync("b");
  return [now, await later, await Promise.all([Deno.readTextFile("a"), Deno.readTextFileSync("b")])];
}
