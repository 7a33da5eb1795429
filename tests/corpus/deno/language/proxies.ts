export function run() {
  const log: string[] = [];
  const proxy: any = new Proxy({ a: 1 }, {
    get(target, key, receiver) { log.push(`get ${String(key)}`); return Reflect.get(target, key, receiver) ?? "default"; },
    has: (_, key) => key === "magic",
    ownKeys: () => ["a", "z"],
    getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
    deleteProperty: () => true,
    set(target, key, value) { log.push(`set ${String(key)}`); return Reflect.set(target, key, value * 2); },
  });
  proxy.b = 4;
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const caught = (act: () => unknown) => { try { return act(); } catch (error: any) { return error.name; } };
  return [proxy.a, proxy.x, "magic" in proxy, "a" in proxy, Object.keys(proxy), delete proxy.q, log, caught(() => (revoked as any).x), Reflect.ownKeys({ b: 1, 2: 1, a: 1, 1: 1 }), Reflect.construct(Date, [0]).getTime(), Reflect.apply(Math.max, null, [1, 3])];
}
