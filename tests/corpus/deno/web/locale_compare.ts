export function run() {
  const words = ["b", "a", "B", "A", "ä", "z", "Z", "_", "1", "10", "2", "é", "e", "-", "ß", "ss", "Ö", "o", "résumé", "resume", "Resume", "co-op", "coop", "a b", "ab", "file10", "file2", "", "日本", "я", "Я", "ñ", "n", "(x)", "#1", "~"];
  return [words.slice().sort((a, b) => a.localeCompare(b)), words.slice().sort((a, b) => a.localeCompare(b, undefined, { numeric: true })), "a".localeCompare("A", undefined, { sensitivity: "base" }), "a".localeCompare("á", undefined, { sensitivity: "accent" }),
    "a".localeCompare("A"), "A".localeCompare("a"), "a".localeCompare("a"), words.slice().sort(new Intl.Collator().compare).join()];
}
