export function run() {
  const calls: string[] = [];
  const object: any = { a: { b: null, f() { return this.name; }, name: "inner" }, list: [1] };
  const side = () => { calls.push("side"); return "x"; };
  object.count ??= 5;
  object.a.b ||= "set";
  object.a.name &&= "renamed";
  return [
    object?.a?.b, object.x?.[side()].y.z ?? "missing", object.a.f?.(), object.nope?.(side()) ?? "uncalled", object.list?.[0], calls,
    delete object?.a?.b, object.a, object.count, 0 ?? 1, 0 || 1,
  ];
}
