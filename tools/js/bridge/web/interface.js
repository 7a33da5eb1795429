// How classes of the platform look from outside: as in Web IDL, on a JavaScript class with private fields.

const { objects, reflect, strings, toStringTag } = internal.web.primordials;

const { defineProperty, getOwnPropertyDescriptor } = objects;

// Members become enumerable, the prototype gets its tag. Private fields already make foreign objects a TypeError.
function defineInterface(constructor, { hidden = [] } = {}) {
  const { prototype } = constructor;
  const places = [prototype, constructor];
  for (let place = 0; place < places.length; place++) {
    const keys = reflect.ownKeys(places[place]);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index];
      if (typeof key !== "string" || key === "constructor" || key === "prototype" || key === "name" || key === "length") continue;
      const descriptor = getOwnPropertyDescriptor(places[place], key);
      if (!descriptor.configurable) continue;
      descriptor.enumerable = true;
      for (let other = 0; other < hidden.length; other++) if (hidden[other] === key) descriptor.enumerable = false;
      defineProperty(places[place], key, descriptor);
    }
  }
  defineProperty(prototype, toStringTag, { __proto__: null, value: constructor.name, configurable: true });
  return constructor;
}

// Constants stand on the class and on its prototype and cannot be changed.
function defineConstants(constructor, constants) {
  const names = objects.keys(constants);
  for (let index = 0; index < names.length; index++) {
    const descriptor = { __proto__: null, value: constants[names[index]], enumerable: true };
    defineProperty(constructor, names[index], descriptor);
    defineProperty(constructor.prototype, names[index], descriptor);
  }
}

// Fewer arguments than a function requires is a TypeError.
function required(given, wanted, what) {
  if (given >= wanted) return;
  throw new TypeError(`${what} requires at least ${wanted} argument${wanted === 1 ? "" : "s"}, but only ${given} present`);
}

// A string without lone surrogates (USVString).
function scalarString(value) {
  return strings.toWellFormed(typeof value === "symbol" ? failSymbol() : `${value}`);
}

function failSymbol() {
  throw new TypeError("Cannot convert a Symbol value to a string");
}

// Objects that only the platform can make: their constructors take this token.
const byPlatform = Symbol("byPlatform");

function onlyInternal(token) {
  if (token !== byPlatform) throw new TypeError("Illegal constructor");
}

// The value if it is an object or nothing; a TypeError otherwise.
function dictionary(value, what) {
  if (value === undefined || value === null) return { __proto__: null };
  if (typeof value !== "object" && typeof value !== "function") throw new TypeError(`${what} can not be converted to a dictionary`);
  return value;
}

internal.web.interface = {
  __proto__: null, defineInterface, defineConstants, required, scalarString, byPlatform, onlyInternal, dictionary,
};
