// grant: write fs:**
// permissions: --allow-write=.
// file: there = "x"
export async function run() {
  const shape = async (path: string) => {
    try {
      await Deno.readTextFile(path);
    } catch (error: any) {
      return `${error.name}: ${error.message}`.replaceAll(path, "PATH");
    }
  };
  return await shape("there") === await shape("nope");
}
