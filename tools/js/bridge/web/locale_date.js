// Dates in words of en-US and UTC, without Intl.

const { dates, numbers, strings } = internal.web.primordials;
const { dictionary } = internal.web.interface;
const { checkLocale, onlyKnown } = internal.web.locale_options;
const { notSupported } = internal.web.not_supported;

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const KNOWN = ["weekday", "year", "month", "day", "hour", "minute", "second", "hour12", "timeZone", "hourCycle"];
const WHAT = "toLocaleString of a date";

function two(value) {
  return strings.padStart(numbers.toString(value), 2, "0");
}

function sized(value, style) {
  return style === "2-digit" ? two(value % 100) : numbers.toString(value);
}

function named(name, style) {
  return style === "long" ? name : style === "short" ? strings.slice(name, 0, 3) : name[0];
}

function dateText(date, { weekday, year, month, day }) {
  const wday = weekday === undefined ? "" : named(DAYS[dates.getUTCDay(date)], weekday);
  const y = year === undefined ? "" : sized(dates.getUTCFullYear(date), year);
  const d = day === undefined ? "" : sized(dates.getUTCDate(date), day);
  const numeric = month === "numeric" || month === "2-digit";
  let text;
  if (month === undefined) text = d !== "" && y !== "" ? `${d} ${y}` : d + y;
  else if (numeric) {
    text = sized(dates.getUTCMonth(date) + 1, month);
    if (d !== "") text += `/${d}`;
    if (y !== "") text += `/${y}`;
  } else {
    text = named(MONTHS[dates.getUTCMonth(date)], month);
    if (d !== "") text += ` ${d}`;
    if (y !== "") text += d === "" ? ` ${y}` : `, ${y}`;
  }
  if (wday === "") return text;
  if (text === "") return wday;
  return month === undefined ? `${text} ${wday}` : `${wday}, ${text}`;
}

function timeText(date, { hour, minute, second, hour12 = true }) {
  const hours = dates.getUTCHours(date);
  let text = "";
  if (hour !== undefined) {
    const shown = hour12 ? (hours % 12 === 0 ? 12 : hours % 12) : hours;
    text = hour12 && hour !== "2-digit" ? numbers.toString(shown) : two(shown);
  }
  const minutes = dates.getUTCMinutes(date);
  if (minute !== undefined) {
    if (hour !== undefined) text = `${text}:${two(minutes)}`;
    else text = second === undefined ? numbers.toString(minutes) : two(minutes);
  }
  if (second !== undefined) text = text === "" ? numbers.toString(dates.getUTCSeconds(date)) : `${text}:${two(dates.getUTCSeconds(date))}`;
  if (hour !== undefined && hour12) text += hours < 12 ? " AM" : " PM";
  return text;
}

const DATE = { __proto__: null, year: "numeric", month: "numeric", day: "numeric" };
const TIME = { __proto__: null, hour: "numeric", minute: "2-digit", second: "2-digit" };

// `wanted` is what is shown if the options name no part: "date", "time" or "both".
function dateInWords(date, locales, given, wanted) {
  checkLocale(locales, WHAT);
  const options = dictionary(given, "options");
  onlyKnown(options, KNOWN, WHAT);
  const { weekday, year, month, day, hour, minute, second, timeZone, hourCycle } = options;
  const hour12 = options.hour12 ?? (hourCycle === undefined ? true : hourCycle === "h12" || hourCycle === "h11");
  if (timeZone !== undefined && timeZone !== "UTC" && timeZone !== "GMT" && timeZone !== "Etc/UTC") throw notSupported(`The time zone ${timeZone}`);
  if (numbers.toString(dates.getTime(date)) === "NaN") return "Invalid Date";
  const anyDate = weekday !== undefined || year !== undefined || month !== undefined || day !== undefined;
  const anyTime = hour !== undefined || minute !== undefined || second !== undefined;
  const parts = { __proto__: null, weekday, year, month, day, hour, minute, second, hour12 };
  const none = wanted === "both" ? !anyDate && !anyTime : wanted === "date" ? !anyDate : !anyTime;
  if (none && wanted !== "time") ({ year: parts.year, month: parts.month, day: parts.day } = DATE);
  if (none && wanted !== "date") ({ hour: parts.hour, minute: parts.minute, second: parts.second } = TIME);
  const first = dateText(date, parts);
  const last = timeText(date, parts);
  if (first === "" || last === "") return first + last;
  return parts.month === "long" ? `${first} at ${last}` : `${first}, ${last}`;
}

internal.web.locale_date = { __proto__: null, dateInWords };
