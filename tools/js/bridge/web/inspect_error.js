// The first part of an error in words: its stack under its name and message.

const { objects, regexps, strings } = internal.web.primordials;


// `hidden` gets the keys that the text says already.
function errorText(error, className, tag, context, hidden) {
  const name = error.name !== undefined && error.name !== null ? `${error.name}` : className ?? "Error";
  const message = error.message !== undefined ? `${error.message}` : "";
  const header = message === "" ? name : name === "" ? message : `${name}: ${message}`;
  let { stack } = error;
  const own = ["name", "message", "stack"];
  for (let index = 0; index < own.length; index++) {
    if (objects.hasOwn(error, own[index]) && (own[index] === "stack" || strings.includes(header, `${error[own[index]]}`))) {
      hidden[hidden.length] = own[index];
    }
  }
  stack = typeof stack === "string" ? strings.trimEnd(stack) : "";
  // The engine writes the frames alone; other stacks begin with what was the name and the message when they were made.
  let frames = stack;
  if (regexps.exec(FRAME_FIRST, stack) === null) {
    const at = strings.indexOf(stack, "\n    at ");
    frames = at < 0 ? "" : strings.slice(stack, at + 1);
  }
  let text = frames === "" ? (stack === "" || stack === header ? `[${header}]` : header) : `${header}\n${frames}`;
  if (tag !== "" && tag !== name) text = `${text} [${tag}]`;
  if (context.indentation === 0) return text;
  return strings.replaceAll(text, "\n", `\n${strings.repeat(" ", context.indentation)}`);
}
const FRAME_FIRST = /^\s*at /;

internal.web.inspect_error = { __proto__: null, errorText };
