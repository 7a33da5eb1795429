// env: GREETING=hello world
// env: EMPTY=
export function run() {
  return [Deno.env.get("GREETING"), Deno.env.has("GREETING"), Deno.env.get("EMPTY"), Deno.env.has("EMPTY")];
}
