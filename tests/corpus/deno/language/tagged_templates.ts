function tag(parts: TemplateStringsArray, ...values: unknown[]) { return [parts.raw.join("|"), parts.join("|"), values]; }
const same = () => ((parts: TemplateStringsArray) => parts)`x`;
export function run() {
  return [tag`a${1}\n${"b"}c`, same() === same(), `multi
line ${`nested ${1 + 1}`}`, String.raw`\x41${1}`];
}
