// Numbers in words of en-US, without Intl: grouping, fractions, percent and some currencies.

const { bigints, math, numberStatics, numbers, objects, strings } = internal.web.primordials;
const { dictionary } = internal.web.interface;
const { checkLocale, onlyKnown } = internal.web.locale_options;

const SYMBOLS = { __proto__: null, USD: "$", EUR: "€", GBP: "£", JPY: "¥" };
const KNOWN = ["minimumFractionDigits", "maximumFractionDigits", "style", "currency", "useGrouping", "minimumIntegerDigits"];

// The decimal digits of a finite number that is not negative: before and after the point, as it is written shortest.
function digitsOf(value) {
  if (typeof value === "bigint") return { whole: bigints.toString(value), fraction: "" };
  const text = numbers.toString(value);
  const at = strings.indexOf(text, "e");
  const mantissa = at < 0 ? text : strings.slice(text, 0, at);
  const exponent = at < 0 ? 0 : +strings.slice(text, at + 1);
  const point = strings.indexOf(mantissa, ".");
  let whole = point < 0 ? mantissa : strings.slice(mantissa, 0, point);
  let fraction = point < 0 ? "" : strings.slice(mantissa, point + 1);
  if (exponent > 0) {
    fraction = strings.padEnd(fraction, exponent, "0");
    whole += strings.slice(fraction, 0, exponent);
    fraction = strings.slice(fraction, exponent);
  } else if (exponent < 0) {
    fraction = strings.padStart(whole, -exponent, "0") + fraction;
    whole = "0";
  }
  return { whole, fraction };
}

// Half away from zero, on the decimal digits.
function rounded({ whole, fraction }, digits) {
  if (fraction.length <= digits) return { whole, fraction };
  const up = strings.charCodeAt(fraction, digits) >= 53;
  const kept = whole + strings.slice(fraction, 0, digits);
  const sum = up ? plusOne(kept) : kept;
  const cut = sum.length - digits;
  return { whole: strings.slice(sum, 0, cut), fraction: strings.slice(sum, cut) };
}

function plusOne(digits) {
  let index = digits.length - 1;
  while (index >= 0 && digits[index] === "9") index--;
  const zeros = strings.repeat("0", digits.length - 1 - index);
  if (index < 0) return `1${zeros}`;
  return strings.slice(digits, 0, index) + (+digits[index] + 1) + zeros;
}

function groupedText(whole) {
  let text = "";
  for (let index = 0; index < whole.length; index++) {
    if (index > 0 && (whole.length - index) % 3 === 0) text += ",";
    text += whole[index];
  }
  return text;
}

function numberText(value, locales, given) {
  checkLocale(locales, "toLocaleString of a number");
  const options = dictionary(given, "options");
  onlyKnown(options, KNOWN, "toLocaleString of a number");
  const { style = "decimal", currency, useGrouping = true, minimumIntegerDigits = 1 } = options;
  const standard = style === "currency" ? (currency === "JPY" ? 0 : 2) : 0;
  const most = style === "currency" ? standard : style === "percent" ? 0 : 3;
  const least = options.minimumFractionDigits ?? math.min(standard, options.maximumFractionDigits ?? standard);
  const maximum = options.maximumFractionDigits ?? math.max(most, least);
  if (!(least >= 0 && least <= 100 && maximum >= least && maximum <= 100)) throw new RangeError("maximumFractionDigits value is out of range.");
  if (style === "currency" && SYMBOLS[currency] === undefined) checkLocale(`currency ${currency}`, "toLocaleString of a number");
  const negative = value < 0 || objects.is(value, -0);
  if (value !== value) return "NaN";
  let text = "∞";
  const size = value < 0 ? -value : value;
  if (typeof value === "bigint" || numberStatics.isFinite(value)) {
    let digits = digitsOf(size);
    if (style === "percent") {
      const padded = strings.padEnd(digits.fraction, 2, "0");
      digits = { whole: withoutZeros(digits.whole + strings.slice(padded, 0, 2)), fraction: strings.slice(padded, 2) };
    }
    let { whole, fraction } = rounded(digits, maximum);
    while (fraction.length > least && fraction[fraction.length - 1] === "0") fraction = strings.slice(fraction, 0, -1);
    fraction = strings.padEnd(fraction, least, "0");
    whole = strings.padStart(whole, minimumIntegerDigits, "0");
    text = (useGrouping ? groupedText(whole) : whole) + (fraction === "" ? "" : `.${fraction}`);
  }
  if (style === "currency") text = SYMBOLS[currency] + text;
  if (style === "percent") text += "%";
  return negative ? `-${text}` : text;
}

function withoutZeros(digits) {
  let from = 0;
  while (from < digits.length - 1 && digits[from] === "0") from++;
  return strings.slice(digits, from);
}

internal.web.locale_number = { __proto__: null, numberText };
