// Sequences that are cut in two come together.
export function run() {
  const bytes = new TextEncoder().encode("\ufeffa€😀z");
  const whole = [];
  for (let size = 1; size <= 4; size++) {
    const decoder = new TextDecoder();
    let text = "";
    for (let at = 0; at < bytes.length; at += size) text += decoder.decode(bytes.subarray(at, at + size), { stream: true }) + "|";
    whole.push(text + decoder.decode());
  }
  const cut = new TextDecoder();
  const wrong = cut.decode(new Uint8Array([0xf0, 0x9f]), { stream: true }) + cut.decode();
  const fatal = new TextDecoder("utf-8", { fatal: true });
  fatal.decode(new Uint8Array([0xe2, 0x82]), { stream: true });
  let message;
  try { fatal.decode(); } catch (error) { message = error.name; }
  const wide = new TextDecoder("utf-16le");
  return [whole, wrong, message, wide.decode(new Uint8Array([0x3d]), { stream: true }) + wide.decode(new Uint8Array([0xd8, 0, 0xde]), { stream: true }) + wide.decode()];
}
