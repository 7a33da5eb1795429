// file: sub/note.txt = "x"
export async function run() {
  const start = Deno.cwd();
  const below = (path: string) => path.startsWith(start) ? path.slice(start.length) : `outside: ${path}`;
  return [below(await Deno.realPath("sub/../sub/./note.txt")), below(Deno.realPathSync(".")), await told(() => Deno.realPath("nope")), await told(() => Deno.realPath("sub/note.txt/below"))];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
