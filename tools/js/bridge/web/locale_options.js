// Which languages and options the few functions of Intl know. Others are refused by name rather than ignored.

const { isArray, objects } = internal.web.primordials;
const { notSupported } = internal.web.not_supported;

function checkLocale(locales, what) {
  const first = isArray(locales) ? locales[0] : locales;
  if (first === undefined || first === "en-US" || first === "en") return;
  throw notSupported(`${what} in ${first}`);
}

function onlyKnown(options, known, what) {
  const names = objects.keys(options);
  for (let index = 0; index < names.length; index++) {
    let found = options[names[index]] === undefined;
    for (let each = 0; each < known.length && !found; each++) found = known[each] === names[index];
    if (!found) throw notSupported(`${what} with the option ${names[index]}`);
  }
}

internal.web.locale_options = { __proto__: null, checkLocale, onlyKnown };
