// file: a b.txt = "by url"
export async function run() {
  const url = new URL(`file://${Deno.cwd()}/a%20b.txt`);
  return [await Deno.readTextFile(url), await told(() => Deno.readTextFile(new URL("https://example.com/a.txt")))];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
