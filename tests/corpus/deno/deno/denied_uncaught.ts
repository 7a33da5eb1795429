// grant: write fs:**
// permissions: --allow-write=.
// file: secret = "x"
export async function run() {
  return await Deno.readTextFile("secret");
}
