// link: one -> two
// link: two -> one
export async function run() {
  return [await told(() => Deno.readTextFile("one")), await told(() => Deno.stat("two")), (await Deno.lstat("one")).isSymlink];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
