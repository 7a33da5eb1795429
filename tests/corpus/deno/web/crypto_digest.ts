export async function run() {
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");
  const data = new TextEncoder().encode("The quick brown fox jumps over the lazy dog");
  const digests = [];
  for (const name of ["SHA-1", "sha-256", { name: "SHA-384" }, "SHA-512"]) digests.push(hex(await crypto.subtle.digest(name, data)));
  const empty = hex(await crypto.subtle.digest("SHA-256", new ArrayBuffer(0)));
  const part = hex(await crypto.subtle.digest("SHA-256", data.subarray(4, 9)));
  const view = hex(await crypto.subtle.digest("SHA-1", new DataView(data.buffer, 4, 5)));
  const failed = await crypto.subtle.digest("MD5", data).catch((error) => `${error.name}: ${error.message}`);
  return [digests, empty, part, view, failed, (await crypto.subtle.digest("SHA-1", data)) instanceof ArrayBuffer];
}
