export function run() {
  const d = (bytes, ...rest) => new TextDecoder(...rest).decode(new Uint8Array(bytes));
  const fails = (...rest) => { try { return d(...rest); } catch (error) { return `${error.name}: ${error.message}`; } };
  return [
    d([0xf0, 0x9f, 0x98, 0x80]), d([0xef, 0xbb, 0xbf, 97]), d([0xef, 0xbb, 0xbf, 97], "utf-8", { ignoreBOM: true }).length, d([0xff, 97]), d([0xe2, 0x82]), d([0xf0, 0x9f, 0x98, 97]),
    d([0xed, 0xa0, 0x80]), d([0xc0, 0x80]), d([0xf4, 0x90, 0x80, 0x80]), fails([0xff], "utf8", { fatal: true }), fails([97], " UTF-8 ", { fatal: true }), fails([1], "nope"),
    d([0x61, 0, 0x3d, 0xd8, 0, 0xde], "utf-16le"), d([0, 0x61], "utf-16be"), d([0x3d, 0xd8], "utf-16"), d([1, 2, 3], "utf-16le"), d([0xe9, 0x80, 0x99], "latin1"), d([0x80], "ascii"),
    new TextDecoder("latin1").encoding, new TextDecoder("utf-16").encoding, new TextDecoder("UTF8").encoding, new TextDecoder().fatal, new TextDecoder("utf-8", { fatal: 1 }).fatal,
    new TextDecoder().decode(), new TextDecoder().decode(new Uint8Array([97, 98]).buffer), new TextDecoder().decode(new DataView(new Uint8Array([97, 98, 99]).buffer, 1, 1)),
    new TextDecoder().decode(new Uint16Array([0x6261])),
  ];
}
