// What engines differ in.
export function run() {
  const groups = "2024-05-06".match(/(?<y>\d{4})-(?<m>\d\d)-(?<d>\d\d)/d);
  const sticky = /foo/y;
  sticky.lastIndex = 3;
  return [{ ...groups.groups }, groups.indices.groups.m, "abc".replace(/(?<=a)b/, "X"), "abc".replace(/(?<!a)c/, "Y"), sticky.test("barfoo"), sticky.lastIndex, sticky.test("barfoo"), "a1b2".replaceAll(/(?<l>[a-z])(?<n>\d)/g, "$<n>$<l>"),
    [..."aXbX".matchAll(/X/g)].map((m) => m.index), /[\p{L}--[a-z]]/v.test("a"), /[\p{L}--[a-z]]/v.test("B"), /^\p{Emoji_Keycap_Sequence}$/v.test("1️⃣"), /[[a-z]&&[aeiou]]/v.test("b"), "😀".match(/./gu).length, /\u{1F600}/u.test("😀"), "x".split(/(x)/),
    /(?:a|ab)(?:c|bcd)(?:d*)/.exec("abcd")[0], /a.c/s.test("a\nc"), "A-B".replace(/b/i, (m) => m.toLowerCase()), /(?<a>x)|(?<a>y)/.exec("y").groups.a, RegExp.prototype.flags !== undefined, /\bä/.test("ä")];
}
