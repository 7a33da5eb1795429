export async function run() {
  return [
    await told(() => Deno.readTextFile("../secret")),
    await told(() => Deno.writeTextFile("../secret", "x")),
    await told(() => Deno.mkdir("../folder")),
    await told(() => Deno.remove("../secret")),
    await told(() => Deno.stat("../secret")),
    await told(() => Deno.readDirSync("..")),
    await told(() => Deno.readTextFileSync("sub/../../secret")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error instanceof Deno.errors.NotCapable, /^Requires (\w+) access to "([^"]*)"/.exec(error.message)?.slice(1)];
  }
}
