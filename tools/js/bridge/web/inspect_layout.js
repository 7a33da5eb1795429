// How a value that has been put into words is laid out in lines: the rules of Node's util.inspect, which Deno follows.

const { join, list, math, numbers, regexps, strings } = internal.web.primordials;

// Lines are broken when they would be longer; entries of at most so many levels may share one.
const BREAK_LENGTH = 80;
const COMPACT_LEVELS = 3;
// Arrays of more entries than this are set in columns, at most so many and so wide.
const GROUPED_FROM = 6;
const MAX_COLUMNS = 15;
const APPROXIMATE_CHARACTER_HEIGHTS = 2.5;
const BIAS_OF_WIDTH = 1;

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const NARROW = /^[\x20-\x7e]*$/;
const ZERO = /[\u0300-\u036f\u200b-\u200f\ufe00-\ufe0f]/u;

// Columns that a text takes on a screen.
function widthOf(text) {
  if (regexps.exec(NARROW, text) !== null) return text.length;
  let width = 0;
  for (let index = 0; index < text.length; index++) {
    const character = stringAt(text, index);
    if (character.length === 2) index++;
    if (regexps.exec(WIDE, character) !== null) width += 2;
    else if (regexps.exec(ZERO, character) === null) width++;
  }
  return width;
}

function stringAt(text, index) {
  const code = strings.codePointAt(text, index);
  return strings.slice(text, index, index + (code > 0xffff ? 2 : 1));
}

function joined(context, output, start) {
  let total = output.length + start;
  if (total + output.length > BREAK_LENGTH) return false;
  for (let index = 0; index < output.length; index++) {
    total += output[index].length;
    if (total > BREAK_LENGTH) return false;
  }
  return !strings.includes(join(output, ""), "\n");
}

// `base` is what stands before the braces; `depth` is that of the value within the whole.
function laidOut(context, output, base, braces, isList, depth, value) {
  const entries = output.length;
  if (isList && entries > GROUPED_FROM) output = grouped(context, output, value);
  const head = base === "" ? "" : `${base} `;
  if (context.currentDepth - depth < COMPACT_LEVELS && entries === output.length) {
    const start = output.length + context.indentation + braces[0].length + base.length + 10;
    if (joined(context, output, start)) {
      return `${head}${braces[0]} ${join(output, ", ")} ${braces[1]}`;
    }
  }
  const indentation = `\n${strings.repeat(" ", context.indentation)}`;
  return `${head}${braces[0]}${indentation}  ${join(output, `,${indentation}  `)}${indentation}${braces[1]}`;
}

// Entries of a list in columns: near a square of characters, numbers to the right.
function grouped(context, output, value) {
  let total = 0;
  let longest = 0;
  const more = context.more;
  const count = more ? output.length - 1 : output.length;
  const widths = list();
  for (let index = 0; index < count; index++) {
    const width = widthOf(output[index]);
    widths[index] = width;
    total += width + 2;
    if (width > longest) longest = width;
  }
  const actual = longest + 2;
  if (!(actual * 3 + context.indentation < BREAK_LENGTH && (total / actual > 5 || longest <= 6))) return output;
  const bias = math.sqrt(actual - total / output.length);
  const biased = math.max(actual - 3 - bias, BIAS_OF_WIDTH);
  const columns = math.min(
    math.round(math.sqrt(APPROXIMATE_CHARACTER_HEIGHTS * biased * count) / biased),
    math.floor((BREAK_LENGTH - context.indentation) / actual),
    COMPACT_LEVELS * 4,
    MAX_COLUMNS,
  );
  if (columns <= 1) return output;
  const columnWidths = list();
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let index = column; index < count; index += columns) if (widths[index] > width) width = widths[index];
    columnWidths[column] = width + 2;
  }
  const rows = list();
  const toTheRight = allNumbers(value, count);
  for (let from = 0; from < count; from += columns) {
    const end = math.min(from + columns, count);
    let row = "";
    let index = from;
    for (; index < end - 1; index++) row += padded(`${output[index]}, `, columnWidths[index - from] - widths[index] - 2, toTheRight);
    if (toTheRight) row += padded(output[index], columnWidths[index - from] - 2 - widths[index], true);
    else row += output[index];
    rows[rows.length] = row;
  }
  if (more) rows[rows.length] = output[count];
  return rows;
}

function padded(text, spaces, toTheRight) {
  const padding = spaces > 0 ? strings.repeat(" ", spaces) : "";
  return toTheRight ? padding + text : text + padding;
}

function allNumbers(value, count) {
  if (value === undefined) return false;
  for (let index = 0; index < count; index++) {
    const type = typeof value[index];
    if (type !== "number" && type !== "bigint") return false;
  }
  return true;
}

const ESCAPES = { __proto__: null, "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\v": "\\v", "\\": "\\\\" };

// A string in quotes that it does not contain, double ones first.
function quoted(text) {
  let quote = '"';
  if (strings.includes(text, '"')) {
    if (!strings.includes(text, "'")) quote = "'";
    else if (!strings.includes(text, "`") && !strings.includes(text, "${")) quote = "`";
  }
  let result = quote;
  for (let index = 0; index < text.length; index++) {
    const unit = strings.charCodeAt(text, index);
    const character = text[index];
    if (character === quote) result += `\\${character}`;
    else if (ESCAPES[character] !== undefined) result += ESCAPES[character];
    else if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) result += `\\x${hex(unit, 2)}`;
    else if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = strings.charCodeAt(text, index + 1);
      if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        result += character + text[index + 1];
        index++;
      } else {
        result += "\ufffd";
      }
    } else result += character;
  }
  return result + quote;
}

function hex(unit, digits) {
  return strings.padStart(strings.toUpperCase(numbers.toString(unit, 16)), digits, "0");
}

// A long text of several lines as a sum of its lines.
function quotedLines(text, indentation) {
  const parts = list();
  let from = 0;
  while (from < text.length) {
    const at = strings.indexOf(text, "\n", from);
    const end = at < 0 ? text.length : at + 1;
    parts[parts.length] = quoted(strings.slice(text, from, end));
    from = end;
  }
  return join(parts, ` +\n${strings.repeat(" ", indentation + 2)}`);
}

const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

function keyText(key) {
  return regexps.exec(IDENTIFIER, key) === null ? quoted(key) : key;
}

internal.web.inspect_layout = { __proto__: null, widthOf, laidOut, quoted, quotedLines, keyText };
