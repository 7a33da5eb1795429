export function run() {
  return [Deno.args, Deno.args instanceof Array, typeof Deno.version.deno, Deno.build.os, typeof Deno.pid, typeof Deno.noColor, Object.prototype.toString.call(Deno), Deno.SeekMode.End];
}
