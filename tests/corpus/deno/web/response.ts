export async function run() {
  const r = new Response("hällo", { status: 201, statusText: "Made", headers: { "X-A": "1" } });
  const copy = r.clone();
  const j = Response.json({ a: [1, null] }, { headers: { "x-y": "z" } });
  const fails = (f) => { try { f(); return "no"; } catch (error) { return `${error.name}: ${error.message}`; } };
  const first = await r.text();
  const twice = await r.text().catch((error) => error.name);
  return [first, twice, r.bodyUsed, copy.bodyUsed, (await copy.arrayBuffer()).byteLength, r.status, r.ok, r.statusText, [...r.headers], j.headers.get("content-type"), j.headers.get("x-y"), await j.json(),
    fails(() => new Response("", { status: 99 })), fails(() => new Response("a", { status: 204 })), new Response().status, await new Response().text(), Response.error().type, Response.redirect("http://a/b").headers.get("location"),
    await new Response(new URLSearchParams({ a: "1 2" })).text(), new Response(new URLSearchParams()).headers.get("content-type"), [...await new Response(new Uint8Array([1, 2])).bytes()],
    await new Response("{bad").json().catch((error) => error.name), await new Response("\ufeffx").text(), fails(() => Response.json(undefined)), new Response(null).body];
}
