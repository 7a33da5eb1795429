export async function run() {
  await Deno.writeTextFile("number", 5 as any);
  await Deno.writeTextFile("object", { toString: () => "from an object" } as any);
  return [await Deno.readTextFile("number"), await Deno.readTextFile("object")];
}
