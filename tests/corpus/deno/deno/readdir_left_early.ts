// file: a = ""
// file: b = ""
// file: c = ""
export async function run() {
  let count = 0;
  for await (const _ of Deno.readDir(".")) {
    count += 1;
    if (count === 2) break;
  }
  return count;
}
