// link: link -> big
export async function run() {
  const sizes: number[] = [];
  for (const size of [0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 300000, 1048576, 1500001]) {
    await Deno.writeFile("big", new Uint8Array(size));
    sizes.push((await Deno.stat("link")).size, Deno.statSync("link").size);
  }
  await Deno.remove("big");
  return sizes;
}
