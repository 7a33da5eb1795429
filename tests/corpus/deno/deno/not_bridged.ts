// only: Deno has all of them
export async function run() {
  const names = ["Command", "open", "makeTempDir", "symlink", "serve", "exit", "hostname", "permissions", "stdin"];
  return names.map((name) => {
    try {
      const found = (Deno as any)[name];
      return [name, "not refused", new found()];
    } catch (error: any) {
      if (!(error instanceof Deno.errors.NotSupported)) throw error;
      if (!error.message.startsWith(`Deno.${name} is not supported here`)) throw error;
      return null;
    }
  }).filter((wrong) => wrong !== null).map((wrong) => {
    throw new Error(`${wrong}`);
  });
}
