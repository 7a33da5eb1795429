// throws: exact
export async function run() {
  return await Deno.readTextFile("nope.txt");
}
