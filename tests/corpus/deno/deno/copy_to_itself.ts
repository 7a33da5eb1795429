// file: file = "x"
export async function run() {
  return await told(() => Deno.copyFile("file", "file"));
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
