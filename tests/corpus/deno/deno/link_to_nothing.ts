// link: nowhere -> nothing
export async function run() {
  return [
    await told(() => Deno.readTextFile("nowhere")),
    await told(() => Deno.stat("nowhere")),
    (await Deno.lstat("nowhere")).isSymlink,
    await told(() => Deno.remove("nowhere")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
