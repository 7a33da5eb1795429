// differs: QuickJS does not freeze the parts of a tagged template
export function run() {
  return ((parts: TemplateStringsArray) => [Object.isFrozen(parts), Object.isFrozen(parts.raw)])`a`;
}
