export function run() {
  const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `row ${id} \u00e9`, tags: ["a", "b", id % 7], nested: { half: id / 2, flag: id % 2 === 0, none: null } }));
  const text = JSON.stringify(rows);
  const back = JSON.parse(text);
  return [text.length, back.length, back[19_999], back.reduce((sum: number, row: any) => sum + row.nested.half, 0)];
}
