export function run() {
  return [
    0.1 + 0.2, 1e21, 1e-7, -0, Object.is(-0, 0), (25).toString(36), (0.000001234).toExponential(2), (1234.5678).toFixed(2), (1.005).toFixed(2), (123.456).toPrecision(4), parseInt("0x1f"), parseInt("12px"), parseFloat(".5e1"), Number(""), `${Number("12px")}`,
    Number.MAX_SAFE_INTEGER, 2 ** 53 + 1, 5 % -3, -5 % 3, 7 >>> 1, -1 >>> 0, 1 << 31, ~~-5.7, Math.round(-0.5), Math.round(2.5), Math.hypot(3, 4), Math.trunc(-4.7), Math.sign(-3), Math.fround(5.5), Math.clz32(1), Math.imul(0xffffffff, 5), Math.cbrt(27),
    1_000_000, 0b101, 0o17, .1 * 3, 9007199254740993, 4.35 * 100, 1.7976931348623157e308, 5e-324, [1, 10, 2].sort(), NaN, `${1 / 0}`, (255).toString(16), (-1.5).toString(2), 123456789012345680000, Number.EPSILON > 0, Number.isSafeInteger(2 ** 53),
  ];
}
