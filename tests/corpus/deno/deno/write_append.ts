export async function run() {
  for (const word of ["one", "two", "three"]) await Deno.writeTextFile("list.txt", `${word}\n`, { append: true });
  await Deno.writeFile("list.txt", new Uint8Array([33]), { append: true });
  return await Deno.readTextFile("list.txt");
}
