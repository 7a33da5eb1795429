// `console.table`: rows and columns in a frame.

const { isMap, isSet, list, maps, math, objects, sets, strings } = internal.web.primordials;
const { inspect } = internal.web.inspect;
const { widthOf } = internal.web.inspect_layout;

function column(columns, name) {
  for (let index = 0; index < columns.length; index++) if (columns[index].name === name) return columns[index];
  return (columns[columns.length] = { __proto__: null, name, cells: list() });
}

function rowsOf(data) {
  const rows = list();
  const add = (index, value, key) => (rows[rows.length] = { __proto__: null, index: `${index}`, value, key });
  if (isMap(data)) maps.forEach(data, (value, key) => add(rows.length, value, { __proto__: null, key }));
  else if (isSet(data)) sets.forEach(data, (value) => add(rows.length, value));
  else {
    const keys = objects.keys(data);
    for (let index = 0; index < keys.length; index++) add(keys[index], data[keys[index]]);
  }
  return rows;
}

function line(widths, left, middle, right) {
  let text = left;
  for (let index = 0; index < widths.length; index++) text += (index > 0 ? middle : "") + strings.repeat("─", widths[index] + 2);
  return text + right;
}

// The table, or nothing if the data has no rows: then it is printed as it is.
function table(data, properties) {
  if (typeof data !== "object" || data === null) return undefined;
  const rows = rowsOf(data);
  const columns = list();
  const keys = { __proto__: null, name: "Key", cells: list() };
  const values = { __proto__: null, name: "Values", cells: list() };
  const show = (value) => inspect(value, { depth: 1 });
  for (let row = 0; row < rows.length; row++) {
    const { value, key } = rows[row];
    if (key !== undefined) keys.cells[row] = show(key.key);
    if (typeof value !== "object" || value === null) {
      values.cells[row] = show(value);
      continue;
    }
    const names = properties ?? objects.keys(value);
    for (let index = 0; index < names.length; index++) {
      const each = column(columns, `${names[index]}`);
      if (objects.hasOwn(value, names[index])) each.cells[row] = show(value[names[index]]);
    }
  }
  const all = list();
  const first = { __proto__: null, name: isMap(data) || isSet(data) ? "(iter idx)" : "(idx)", cells: list() };
  for (let row = 0; row < rows.length; row++) first.cells[row] = rows[row].index;
  all[0] = first;
  if (isMap(data)) all[all.length] = keys;
  for (let index = 0; index < columns.length; index++) all[all.length] = columns[index];
  if (values.cells.length > 0) all[all.length] = values;
  return drawn(all, rows.length);
}

function drawn(columns, rows) {
  const widths = list();
  for (let index = 0; index < columns.length; index++) {
    let width = widthOf(columns[index].name);
    for (let row = 0; row < rows; row++) width = math.max(width, widthOf(columns[index].cells[row] ?? ""));
    widths[index] = width;
  }
  let text = `${line(widths, "┌", "┬", "┐")}\n│`;
  for (let index = 0; index < columns.length; index++) text += cell(columns[index].name, widths[index], false);
  text += `\n${line(widths, "├", "┼", "┤")}`;
  for (let row = 0; row < rows; row++) {
    text += "\n│";
    for (let index = 0; index < columns.length; index++) {
      text += cell(columns[index].cells[row] ?? "", widths[index], isNumberColumn(columns[index]));
    }
  }
  return `${text}\n${line(widths, "└", "┴", "┘")}`;
}

// Columns of numbers alone stand to the right.
function isNumberColumn({ cells }) {
  for (let row = 0; row < cells.length; row++) {
    const text = cells[row];
    if (text === undefined || text === "") continue;
    const number = +text;
    if (number !== number && text !== "NaN") return false;
  }
  return true;
}

function cell(text, width, toTheRight) {
  const padding = strings.repeat(" ", width - widthOf(text));
  return toTheRight ? ` ${padding}${text} │` : ` ${text}${padding} │`;
}

internal.web.table = { __proto__: null, table };
