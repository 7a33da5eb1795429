export function run() {
  const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
  return [
    family.length, [...family].length, "\u00e9" === "e\u0301".normalize("NFC"), "e\u0301".normalize("NFC").length, "\ufb01".normalize("NFKC"),
    "stra\u00dfe".toUpperCase(), "\u0130".toLowerCase().length, "\u03a3\u03a3".toLowerCase(), "a\u{1f600}b".at(1)?.charCodeAt(0), "\u{1f600}".codePointAt(0),
    String.fromCodePoint(0x1f600, 65), "a\ud800".isWellFormed(), "a\ud800".toWellFormed(), encodeURIComponent("\u00fc/\u{1f600}"), "\u{10ffff}".length,
    "abc".padStart(5, "\u{1f600}").length, ["\u00e4", "a", "z", "\u{1f600}", "\uffff"].sort(), String.raw`\u{41}`, "x".localeCompare("y"), escape("\u00fc\u4e2d"),
  ];
}
