// file: a = ""
export async function run() {
  const listing = Deno.readDir(".");
  const first = await Array.fromAsync(listing, (entry) => entry.name);
  await Deno.writeTextFile("b", "");
  const second = await Array.fromAsync(listing, (entry) => entry.name);
  return [first, second.sort()];
}
