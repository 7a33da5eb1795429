// file: file = "x"
// dir: folder
export async function run() {
  return [
    await told(() => Deno.readTextFile("folder")),
    await told(() => Deno.readFile("folder")),
    await told(() => Deno.readTextFile("file/below")),
    await told(() => Deno.readFile("no/such/file")),
    await told(() => Deno.readTextFile("")),
    await told(() => Deno.readTextFile("a\0b")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
