// file: full/inside = "y"
// file: file = "x"
export async function run() {
  return [
    await told(() => Deno.remove("nope")),
    await told(() => Deno.remove("nope", { recursive: true })),
    await told(() => Deno.remove("full")),
    await told(() => Deno.remove("file/below")),
    await told(() => Deno.removeSync("full")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
