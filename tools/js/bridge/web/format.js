// The arguments of `console.log` as one text (https://console.spec.whatwg.org/#formatter).

const { bigints, json, numbers, strings, symbols } = internal.web.primordials;
const { inspect } = internal.web.inspect;

function number(value, convert) {
  if (typeof value === "bigint") return bigints.toString(value);
  if (typeof value === "symbol") return "NaN";
  return `${convert(value)}`;
}

const { parseInt, parseFloat } = globalThis;

function text(value) {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return bigints.toString(value);
  if (typeof value === "number") return numbers.toString(value);
  if (typeof value === "symbol") return symbols.toString(value);
  return `${value}`;
}

function jsonText(value) {
  try {
    return `${json.stringify(value)}`;
  } catch {
    return "[Circular]";
  }
}

function directive(kind, value) {
  switch (kind) {
    case "s":
      return text(value);
    case "d":
      return number(value, parseInt);
    case "i":
      return number(value, parseInt);
    case "f":
      return number(value, parseFloat);
    case "j":
      return jsonText(value);
    case "o":
    case "O":
      return inspect(value);
    case "c":
      return "";
    default:
      return undefined;
  }
}

// `values` is a list.
function format(values) {
  let result = "";
  let index = 0;
  if (typeof values[0] === "string") {
    index = 1;
    const pattern = values[0];
    if (values.length === 1) return pattern;
    let from = 0;
    for (let at = strings.indexOf(pattern, "%"); at >= 0 && at + 1 < pattern.length; at = strings.indexOf(pattern, "%", at)) {
      const kind = pattern[at + 1];
      if (kind === "%") {
        result += strings.slice(pattern, from, at + 1);
        from = at + 2;
      } else if (index < values.length) {
        const part = directive(kind, values[index]);
        if (part !== undefined) {
          result += strings.slice(pattern, from, at) + part;
          from = at + 2;
          index++;
        }
      }
      at += 2;
    }
    result += strings.slice(pattern, from);
  }
  for (let first = index === 0; index < values.length; index++, first = false) {
    if (!first) result += " ";
    result += typeof values[index] === "string" ? values[index] : inspect(values[index]);
  }
  return result;
}

internal.web.format = { __proto__: null, format };
