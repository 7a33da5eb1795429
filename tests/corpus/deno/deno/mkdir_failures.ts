// file: file = "x"
// dir: folder
export async function run() {
  return [
    await told(() => Deno.mkdir("folder")),
    await told(() => Deno.mkdir("file")),
    await told(() => Deno.mkdir("no/such")),
    await told(() => Deno.mkdir("file/below")),
    await told(() => Deno.mkdir("file", { recursive: true })),
    await told(() => Deno.mkdir("file/a/b", { recursive: true })),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
