// file: there.txt = "kept"
export async function run() {
  await Deno.writeTextFile("fresh.txt", "made", { createNew: true });
  return [
    await told(() => Deno.writeTextFile("there.txt", "lost", { createNew: true })),
    await told(() => Deno.writeTextFile("there.txt", "lost", { createNew: true, append: true })),
    await told(() => Deno.writeFile("fresh.txt", new Uint8Array([1]), { createNew: true })),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
