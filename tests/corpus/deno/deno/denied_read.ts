// grant: write,delete fs:**
// permissions: --allow-write=.
// file: secret = "x"
export async function run() {
  return [
    await told(() => Deno.readTextFile("secret")),
    await told(() => Deno.readFile("nope")),
    await told(() => Deno.stat("secret")),
    await told(() => Deno.lstat("secret")),
    await told(() => Array.fromAsync(Deno.readDir("."))),
    await told(() => Deno.copyFile("secret", "copy")),
    await told(() => Deno.writeTextFile("new", "text")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error instanceof Deno.errors.NotCapable, /^Requires (\w+) access to "([^"]*)"/.exec(error.message)?.slice(1)];
  }
}
