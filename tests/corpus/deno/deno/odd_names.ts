// dir: -dash
export async function run() {
  const names = ["with space", "quote'quote", "a\\b", "#hash", "per%20cent", "semi;colon", ".hidden", "...", "*star?"];
  for (const name of names) await Deno.writeTextFile(name, name);
  const back = await Promise.all(names.map((name) => Deno.readTextFile(name)));
  return [back, await told(() => Deno.readTextFile("no'quote"))];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
