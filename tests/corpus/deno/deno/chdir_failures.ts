// file: file = "x"
export async function run() {
  return [await told(() => Deno.chdir("nope")), await told(() => Deno.chdir("file")), await told(() => Deno.chdir("file/below")), await told(() => Deno.chdir(""))];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
