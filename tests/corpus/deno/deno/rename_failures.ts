// file: file = "x"
// dir: folder
// file: full/inside = "y"
export async function run() {
  return [
    await told(() => Deno.rename("nope", "new")),
    await told(() => Deno.rename("file", "no/such")),
    await told(() => Deno.rename("file", "folder")),
    await told(() => Deno.rename("folder", "file")),
    await told(() => Deno.rename("folder", "folder/below")),
    await told(() => Deno.rename("folder", "full")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
