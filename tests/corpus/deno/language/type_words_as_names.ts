const type = 1, of = 2, as = 3, is = 4, declare = 5, namespace = 6, module = 7, abstract = 8, readonly = 9, satisfies = 10;
type type = typeof type;
export function run() {
  const infer = (async: number) => async + type;
  const keyof = { get: 1, set: 2, static: 3, public: 4, declare };
  return [of + as + is, namespace, module, abstract, readonly, satisfies, infer(1), keyof];
}
