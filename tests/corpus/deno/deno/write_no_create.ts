// file: there.txt = "old"
export async function run() {
  await Deno.writeTextFile("there.txt", "new", { create: false });
  return [
    await told(() => Deno.writeTextFile("nope.txt", "x", { create: false })),
    await told(() => Deno.writeTextFile("nope.txt", "x", { create: false, append: true })),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
