// env: NAME=old
export function run() {
  const before = Deno.env.get("NAME");
  Deno.env.set("NAME", "new");
  const after = Deno.env.get("NAME");
  Deno.env.delete("NAME");
  return [before, after, Deno.env.has("NAME"), Deno.env.get("NAME") ?? "none"];
}
