// file: file = "x"
// dir: folder
export async function run() {
  return [
    await told(() => Deno.writeTextFile("folder", "x")),
    await told(() => Deno.writeTextFile("no/such", "x")),
    await told(() => Deno.writeTextFile("file/below", "x")),
    await told(() => Deno.writeTextFile("folder", "x", { append: true })),
    await told(() => Deno.writeFile("text", "no bytes" as any)),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
