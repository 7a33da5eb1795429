export function run() {
  const e = new TextEncoder();
  const bytes = (text) => [...e.encode(text)];
  const into = (text, size) => { const target = new Uint8Array(size).fill(9); return [e.encodeInto(text, target), [...target]]; };
  return [e.encoding, bytes(), bytes(""), bytes("aä€😀"), bytes("\ud800x"), bytes("x\udc00"), bytes(1), bytes(null), bytes("\0"),
    into("abc", 2), into("a€", 3), into("😀b", 3), into("😀b", 4), into("a😀", 4), into("\ud800", 3), into("ää", 3), into("", 1)];
}
