export function run() {
  const date = new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 7));
  const parse = (text: string) => { const time = Date.parse(text); return Number.isNaN(time) ? "invalid" : new Date(time).toISOString(); };
  const invalid = new Date("nonsense");
  return [
    date.toISOString(), date.getUTCDay(), JSON.stringify(date), parse("2026-01-02"), parse("2026-01-02T03:04:05.678Z"), parse("2026-01-02T03:04:05+02:00"),
    parse("Thu, 01 Jan 1970 00:00:10 GMT"), parse("2026-13-01"), parse("x"), `${invalid}`, invalid.getTime(), invalid.toJSON(), new Date(8.64e15 + 1).getTime(),
    new Date(0).toUTCString(), new Date(Date.UTC(2023, 0, 31 + 1)).getUTCMonth(), new Date(2020, 0).getTime() > 0, date.valueOf(), new Date("-000001-01-01T00:00:00Z").toISOString(),
    (() => { try { return invalid.toISOString(); } catch (error: any) { return error.name; } })(), typeof Date.now(), Number.isInteger(Date.now()), date.setUTCDate(1), date.toISOString(),
  ];
}
