// env: OPEN=yes
// env-hidden: SECRET=no
export async function run() {
  return [
    Deno.env.get("OPEN"),
    await told(() => Deno.env.get("SECRET")),
    await told(() => Deno.env.has("SECRET")),
    await told(() => Deno.env.get("NOWHERE")),
    await told(() => Deno.env.set("SECRET", "x")),
    (await told(() => Deno.env.toObject()) as string[])[0],
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error instanceof Deno.errors.NotCapable, /^Requires (\w+) access to "([^"]*)"/.exec(error.message)?.slice(1)];
  }
}
