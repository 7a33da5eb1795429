export function run() {
  const base = "http://a/b/c/d;p?q#f";
  return ["g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", "g#s", ";x", "", ".", "./", "..", "../", "../g", "../..", "../../../g", "g/../h", "http:g", "\\x"]
    .map((text) => new URL(text, base).href);
}
