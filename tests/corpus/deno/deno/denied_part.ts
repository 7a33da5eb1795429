// grant: read,list fs:open/**
// grant: write fs:out/**
// permissions: --allow-read=open --allow-write=out
// file: open/note = "may be read"
// file: closed/note = "may not"
// dir: out
export async function run() {
  return [
    await told(() => Deno.readTextFile("open/note")),
    await told(() => Deno.readTextFile("closed/note")),
    await told(() => Deno.readTextFile("open/../closed/note")),
    await told(() => Deno.writeTextFile("out/new", "x")),
    await told(() => Deno.writeTextFile("open/new", "x")),
    await told(() => Deno.readTextFile("out/new")),
  ];
}

async function told(act: () => unknown) {
  try {
    return { returned: await act() };
  } catch (error: any) {
    return [error.name, error instanceof Deno.errors.NotCapable, /^Requires (\w+) access to "([^"]*)"/.exec(error.message)?.slice(1)];
  }
}
