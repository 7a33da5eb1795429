// log: same
export function run() {
  console.log("%s is %d years and %i, %f %j %o %O %% %c.", "Ann", "42.9", 42.9, "1.5x", { a: 1 }, [1], { b: { c: {} } }, "color: red", "rest", 1);
  console.log("%s %s", "only one");
  console.log("100%", 5, "%s", 6);
  console.log("%d %d %s %s %s", 1n, "x", 2n, Symbol("q"), undefined);
  console.log("%x", 1);
  console.log();
  console.log("");
  console.info("info");
  console.debug("debug");
}
