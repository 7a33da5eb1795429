export async function run() {
  return [await Deno.mkdir("one"), await Deno.mkdir("one/two"), Deno.mkdirSync("one/three")].map((answer) => answer === undefined);
}
