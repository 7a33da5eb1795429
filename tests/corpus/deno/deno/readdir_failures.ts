// file: file = "x"
export async function run() {
  const all = async (path: string) => {
    for await (const _ of Deno.readDir(path));
  };
  const missing = Deno.readDir("nope");
  return [
    Object.prototype.toString.call(missing[Symbol.asyncIterator]()),
    await told(() => all("nope")),
    await told(() => all("file")),
    await told(() => all("file/below")),
    await told(() => Deno.readDirSync("nope")),
    await told(() => [...Deno.readDirSync("file")]),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
