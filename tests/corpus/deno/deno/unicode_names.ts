// file: café/日本語.txt = "content"
export async function run() {
  await Deno.writeTextFile("привет 😀.txt", "hello");
  const names = [];
  for await (const entry of Deno.readDir(".")) names.push(entry.name);
  return [names.sort(), await Deno.readTextFile("café/日本語.txt"), await told(() => Deno.readTextFile("ü/nope"))];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
