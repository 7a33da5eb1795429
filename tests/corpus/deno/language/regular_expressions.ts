export function run() {
  const dated = /(?<year>\d{4})-(?<month>\d\d)/u.exec("on 2026-11-22")!;
  const sticky = /a/y;
  sticky.lastIndex = 1;
  return [
    dated.groups!.year, dated.index, "2026-11".replace(/(?<y>\d+)-(?<m>\d+)/, "$<m>/$<y>"), [..."a1b22".matchAll(/[a-z](\d+)/g)].map((m) => [m[0], m[1], m.index]),
    "price 5\u20ac".match(/(?<=\s)\d(?=\u20ac)/)![0], "aBc".replace(/b/i, (m) => `<${m}>`), /\p{Script=Greek}+/u.exec("abc \u03b1\u03b2")![0], /^.$/su.test("\n"),
    /^.$/u.test("\u{1f600}"), /^.$/.test("\u{1f600}"), sticky.test("ba"), sticky.lastIndex, "a,b;c".split(/[,;]/), "a1b".split(/(\d)/), /(a)|(b)/d.exec("b")!.indices![2],
    /[\p{L}--[a-z]]/v.test("a"), /[\p{L}--[a-z]]/v.test("\u00e4"), "aaa".replaceAll("a", "$&$&"), /(?:a|ab)(?:c|bcd)(?:d*)/.exec("abcd")![0], `${/[/]\//gi}`, /(?<a>x)|(?<b>y)/.exec("y")!.groups!.a ?? null,
  ];
}
