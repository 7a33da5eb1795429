export function run() {
  const forms = ["NFC", "NFD", "NFKC", "NFKD"];
  return [["é", "e\u0301", "ﬁ", "Å", "한", "①", "\u1e9b\u0323"].map((text) => forms.map((form) => [...text.normalize(form)].map((c) => c.codePointAt(0).toString(16)).join(" "))),
    "İ".toLowerCase().length, "ß".toUpperCase(), "ΑΣ".toLowerCase(), "\ud800a".isWellFormed(), "\ud800a".toWellFormed(), [..."👨‍👩‍👧"].length, "ﬀ".toUpperCase()];
}
