// only: Deno has all of them
export function run() {
  const names = ["Command", "FsFile", "open", "makeTempDir", "symlink", "serve", "exit", "hostname", "permissions", "stdin"];
  const wrong = names.filter((name) => {
    try {
      const found = (Deno as any)[name];
      if (/^[A-Z]/.test(name)) new found();
      else found();
      return true;
    } catch (error: any) {
      return !(error instanceof Deno.errors.NotSupported) || !error.message.startsWith(`Deno.${name} is not supported here`);
    }
  });
  if (wrong.length > 0) throw new Error(wrong.join());
}
