// file: file = "x"
export async function run() {
  const ways = [Deno.stat, Deno.lstat, Deno.statSync, Deno.lstatSync];
  const found = [];
  for (const way of ways) found.push(await told(() => way("nope")), await told(() => way("file/below")), await told(() => way("no/such")));
  return found;
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error.message, error.code ?? null, error instanceof Error];
  }
}
