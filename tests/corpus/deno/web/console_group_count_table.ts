// log: same
export function run() {
  console.group("outer");
  console.log("in\nside");
  console.group();
  console.log({ a: 1 });
  console.groupEnd();
  console.groupEnd();
  console.groupEnd();
  console.count();
  console.count();
  console.count("named");
  console.countReset();
  console.count();
  console.table([{ a: 1, b: "x" }, { a: 2, c: true }]);
  console.table([["p", "q"], [1, 2]]);
  console.table([1, "two"]);
  console.table(new Map([["k", 1]]));
  console.table([{ a: 1, b: 2 }], ["b"]);
  console.table("text");
  console.dir({ deep: { a: { b: { c: { d: { e: 1 } } } } } });
  console.assert(true, "not printed");
}
