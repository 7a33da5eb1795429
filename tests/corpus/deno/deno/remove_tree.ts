export async function run() {
  for (const branch of ["a", "b", "c"]) {
    await Deno.mkdir(`tree/${branch}/leaves`, { recursive: true });
    for (let leaf = 0; leaf < 5; leaf += 1) await Deno.writeTextFile(`tree/${branch}/leaves/${leaf}`, branch);
  }
  await Deno.remove("tree/b", { recursive: true });
  return (await Array.fromAsync(Deno.readDir("tree"), (entry) => entry.name)).sort();
}
