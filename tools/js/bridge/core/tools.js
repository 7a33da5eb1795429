// What the tools of a script are, and how one is called.

const { stringify, parse, TypeError, Error, apply, keys, isArray, isInteger, hasOwn } = internal.intrinsics;

const isObject = (value) => typeof value === "object" && value !== null && !isArray(value);
const anything = { __proto__: null };

const one = (namespace) => {
  for (const name of ["run", "default"]) {
    if (typeof namespace[name] === "function") {
      return {
        __proto__: null,
        name: null,
        summary: namespace.summary,
        args: namespace.args ?? namespace.input_schema,
        result: namespace.result ?? namespace.output_schema,
        needs: namespace.needs,
        run: namespace[name],
        self: undefined,
      };
    }
  }
  return null;
};

const several = (tools) => {
  if (!isObject(tools)) throw new TypeError("`tools` is no object of tools by their names");
  const all = [];
  for (const name of keys(tools)) {
    const tool = tools[name];
    if (!isObject(tool) || typeof tool.run !== "function") throw new TypeError(`tools.${name} has no function \`run\``);
    const { summary, needs, run } = tool;
    const args = tool.args ?? tool.input_schema;
    const result = tool.result ?? tool.output_schema;
    internal.define(all, all.length, { __proto__: null, name, summary, args, result, needs, run, self: tool });
  }
  return all;
};

const toolsOf = (namespace) => {
  if (namespace.tools !== undefined) return several(namespace.tools);
  const tool = one(namespace);
  if (tool === null) {
    throw new TypeError("the script has no tool: it exports neither `run`, nor a function as `default`, nor `tools`");
  }
  return [tool];
};

const schemaText = (schema, what) => {
  if (schema === undefined) return "{}";
  if (typeof schema !== "boolean" && !isObject(schema)) throw new TypeError(`${what} is no JSON Schema`);
  return stringify(schema);
};

internal.describe = (namespace) => {
  const rows = [];
  const tools = toolsOf(namespace);
  for (let at = 0; at < tools.length; at++) {
    const { name, summary, args, result, needs } = tools[at];
    const where = name === null ? "" : `tools.${name}: `;
    if (summary !== undefined && typeof summary !== "string") throw new TypeError(`${where}summary is no text`);
    if (needs !== undefined && (!isArray(needs) || !needs.every((need) => typeof need === "string"))) {
      throw new TypeError(`${where}needs is no list of rules such as "read fs:workspace/**"`);
    }
    internal.define(rows, at, {
      __proto__: null,
      name,
      summary: summary ?? "",
      arguments: schemaText(args, `${where}args`),
      result: schemaText(result, `${where}result`),
      needs: needs ?? null,
    });
  }
  return rows;
};

const isOf = {
  __proto__: null,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => isInteger(value),
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: (value) => isArray(value),
  object: (value) => isObject(value),
};

const fits = (value, type) => {
  if (typeof type === "string") return isOf[type] === undefined || isOf[type](value);
  return !isArray(type) || type.length === 0 || type.some((one) => fits(value, one));
};

const check = (schema, value, where) => {
  if (!isObject(schema)) return;
  if (!fits(value, schema.type)) {
    const type = isArray(schema.type) ? schema.type.join(" or ") : schema.type;
    throw new TypeError(`${where} is not of type ${type}`);
  }
  if (!isObject(value)) return;
  if (isArray(schema.required)) {
    for (const name of schema.required) {
      if (typeof name === "string" && !hasOwn(value, name)) throw new TypeError(`${where}.${name} is missing`);
    }
  }
  if (isObject(schema.properties)) {
    for (const name of keys(schema.properties)) {
      if (hasOwn(value, name)) check(schema.properties[name], value[name], `${where}.${name}`);
    }
  }
};

const invalid = (work) => {
  try {
    return work();
  } catch (error) {
    internal.markInvalid(error);
    throw error;
  }
};

const choose = (namespace, name) => {
  const tools = toolsOf(namespace);
  for (let at = 0; at < tools.length; at++) {
    if (tools[at].name === name || (tools[at].name === null && name === "")) return tools[at];
  }
  return invalid(() => {
    throw new TypeError(`the script has no tool \`${name}\``);
  });
};

const textOf = (result) => {
  let text;
  try {
    text = stringify(result);
  } catch (error) {
    throw new TypeError(`the result is no JSON: ${error.message}`);
  }
  return text ?? "null";
};

/** Runs a tool; the promise gives its result as JSON. */
internal.call = async (namespace, name, text) => {
  const tool = choose(namespace, name);
  const args = invalid(() => {
    const args = parse(text);
    check(tool.args, args, "args");
    return args;
  });
  return textOf(await apply(tool.run, tool.self, [args, internal.libos]));
};
