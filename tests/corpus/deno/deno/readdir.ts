// file: b.txt = "b"
// file: a/inside.txt = "a"
// link: link -> b.txt
// dir: empty
export async function run() {
  const entries = [];
  for await (const entry of Deno.readDir(".")) entries.push(entry);
  const none = [];
  for await (const entry of Deno.readDir("empty")) none.push(entry);
  return [entries.sort((left, right) => left.name < right.name ? -1 : 1), none];
}
