// String.prototype.localeCompare as the root of the Unicode collation orders Latin text: letters first, then accents, then case.

const { list, regexps, strings } = internal.web.primordials;
const { dictionary } = internal.web.interface;

// In the order of the root collation; what is not here comes after the letters, by code point.
const SIGNS = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
const MARK = /^\p{M}$/u;
const SPECIAL = { __proto__: null, "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ı": "i" };

function isDigit(character) {
  return character >= "0" && character <= "9" && character.length === 1;
}

function weightOf(character) {
  const sign = strings.indexOf(SIGNS, character);
  if (sign >= 0) return sign;
  const code = strings.codePointAt(character, 0);
  return code < 0x30 ? code + 0x40 : code + 0x100;
}

// Three lists: what matters first, the accents, and which characters are upper case.
function keysOf(text, numeric) {
  const primary = list();
  const accents = list();
  const cases = list();
  const plain = strings.normalize(text, "NFD");
  for (let index = 0; index < plain.length; ) {
    const code = strings.codePointAt(plain, index);
    const size = code > 0xffff ? 2 : 1;
    const character = strings.slice(plain, index, index + size);
    index += size;
    if (code > 0x7f && regexps.exec(MARK, character) !== null) {
      accents[accents.length - 1] = (accents[accents.length - 1] ?? 0) * 4096 + code;
      continue;
    }
    const lower = strings.toLowerCase(character);
    if (numeric && isDigit(character)) {
      let end = index;
      while (end < plain.length && isDigit(plain[end])) end++;
      const digits = withoutZeros(strings.slice(plain, index - 1, end));
      index = end;
      primary[primary.length] = 0x130;
      primary[primary.length] = digits.length;
      for (let at = 0; at < digits.length; at++) primary[primary.length] = weightOf(digits[at]);
      accents[accents.length] = 0;
      cases[cases.length] = 0;
      continue;
    }
    const letters = SPECIAL[lower] ?? lower;
    for (let at = 0; at < letters.length; at += 1) {
      primary[primary.length] = letters.length === lower.length ? weightOf(lower) : weightOf(letters[at]);
      accents[accents.length] = letters === lower ? 0 : 1;
      cases[cases.length] = character === lower ? 0 : 1;
      if (letters === lower) break;
    }
  }
  return { __proto__: null, primary, accents, cases };
}

function withoutZeros(digits) {
  let from = 0;
  while (from < digits.length - 1 && digits[from] === "0") from++;
  return strings.slice(digits, from);
}

function compareLists(left, right) {
  for (let index = 0; index < left.length && index < right.length; index++) {
    if (left[index] !== right[index]) return left[index] < right[index] ? -1 : 1;
  }
  return left.length === right.length ? 0 : left.length < right.length ? -1 : 1;
}

function compareTexts(left, right, given) {
  if (left === right) return 0;
  const { numeric = false, sensitivity = "variant", caseFirst = "false" } = dictionary(given, "options");
  const first = keysOf(left, numeric);
  const second = keysOf(right, numeric);
  const primary = compareLists(first.primary, second.primary);
  if (primary !== 0 || sensitivity === "base") return primary;
  const accents = sensitivity === "case" ? 0 : compareLists(first.accents, second.accents);
  if (accents !== 0 || sensitivity === "accent") return accents;
  const cases = compareLists(first.cases, second.cases);
  return caseFirst === "upper" ? -cases : cases;
}

internal.web.locale_compare = { __proto__: null, compareTexts };
