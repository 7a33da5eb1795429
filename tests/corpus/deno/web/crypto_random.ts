export function run() {
  const uuid = crypto.randomUUID();
  const bytes = new Uint32Array(16);
  const same = crypto.getRandomValues(bytes) === bytes;
  const fails = (f) => { try { f(); return "no"; } catch (error) { return `${error.name}: ${error.message}`; } };
  return [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), uuid !== crypto.randomUUID(), same, new Set(bytes).size > 10,
    fails(() => crypto.getRandomValues(new Float32Array(1))), fails(() => crypto.getRandomValues(new Uint8Array(65537))), crypto.getRandomValues(new Uint8Array(65536)).length,
    fails(() => new Crypto()), Object.prototype.toString.call(crypto), Math.random() !== Math.random(), Math.random() < 1];
}
