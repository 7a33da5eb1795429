// grant: read,list fs:**
// permissions: --allow-read=.
// file: file = "x"
export async function run() {
  return [
    await told(() => Deno.readTextFile("file")),
    await told(() => Deno.writeTextFile("file", "y")),
    await told(() => Deno.writeFile("new", new Uint8Array())),
    await told(() => Deno.writeTextFile("file", "y", { append: true })),
    await told(() => Deno.mkdir("folder")),
    await told(() => Deno.mkdir("a/b", { recursive: true })),
    await told(() => Deno.remove("file")),
    await told(() => Deno.copyFile("file", "copy")),
    await told(() => Deno.writeTextFileSync("file", "y")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error instanceof Deno.errors.NotCapable, /^Requires (\w+) access to "([^"]*)"/.exec(error.message)?.slice(1)];
  }
}
