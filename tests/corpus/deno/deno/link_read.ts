// file: sub/real.txt = "through"
// link: sub/link.txt -> real.txt
// link: far.txt -> sub/link.txt
// link: folder -> sub
export async function run() {
  return [await Deno.readTextFile("sub/link.txt"), await Deno.readTextFile("far.txt"), await Deno.readTextFile("folder/real.txt")];
}
