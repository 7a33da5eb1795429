// What programs ask of Intl most, in English and UTC.
export function run() {
  const d = new Date(Date.UTC(2024, 0, 5, 13, 4, 9));
  const midnight = new Date(Date.UTC(1999, 11, 31));
  return [
    (1234567.891).toLocaleString(), (0.1 + 0.2).toLocaleString(), (1e21).toLocaleString(), (-5.5).toLocaleString(undefined, { minimumFractionDigits: 2 }), (1234.5).toLocaleString("en-US", { style: "currency", currency: "USD" }),
    (0.256).toLocaleString("en-US", { style: "percent" }), (1.005).toLocaleString("en-US", { maximumFractionDigits: 2 }), (999999.9999).toLocaleString(), NaN.toLocaleString(), (-Infinity).toLocaleString(), 12345678901234567890n.toLocaleString(),
    (-0).toLocaleString(), (1e-7).toLocaleString(), (12).toLocaleString("en-US", { minimumIntegerDigits: 4, useGrouping: false }), (-1234.5).toLocaleString("en-US", { style: "currency", currency: "EUR" }), [1234.5, new Date(0)].toLocaleString(),
    d.toLocaleString(), d.toLocaleDateString(), d.toLocaleTimeString(), midnight.toLocaleString(), d.toLocaleDateString("en-US", { year: "numeric", month: "long", day: "numeric" }), d.toLocaleDateString("en-US", { weekday: "long", year: "numeric", month: "short", day: "numeric" }),
    d.toLocaleDateString(undefined, { month: "2-digit", day: "2-digit", year: "numeric" }), d.toLocaleTimeString("en-US", { hour: "2-digit", minute: "2-digit" }), d.toLocaleTimeString("en-US", { hour12: false }), d.toLocaleString("en-US", { timeZone: "UTC" }),
    d.toLocaleString("en-US", { month: "long", day: "numeric", hour: "numeric", minute: "2-digit" }), d.toLocaleDateString("en-US", { month: "long", year: "numeric" }), d.toLocaleDateString("en-US", { weekday: "short" }), String(new Date(NaN).toLocaleString()),
    String(d), d.toTimeString(), d.toDateString(), new Intl.NumberFormat("en-US").format(1234.5), new Intl.DateTimeFormat("en-US").format(d), Intl.DateTimeFormat().resolvedOptions().timeZone,
  ];
}
