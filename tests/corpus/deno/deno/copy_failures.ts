// file: file = "x"
// dir: folder
export async function run() {
  return [
    await told(() => Deno.copyFile("nope", "new")),
    await told(() => Deno.copyFile("file", "no/such")),
    await told(() => Deno.copyFile("file", "folder")),
    await told(() => Deno.copyFile("folder", "new")),
    await told(() => Deno.copyFile("file/below", "new")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
