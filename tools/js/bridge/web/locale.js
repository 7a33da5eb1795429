// The functions of the language that Intl would bring, in en-US and UTC, and of Intl itself what programs ask for most.

const { bigints, dates, defineHidden, newPrivateMap, numbers, objects, toStringTag } = internal.web.primordials;
const { compareTexts } = internal.web.locale_compare;
const { dateInWords } = internal.web.locale_date;
const { numberText } = internal.web.locale_number;

defineHidden(Date.prototype, {
  // The time zone is UTC; the engine leaves its name out.
  toString() {
    const text = dates.toString(this);
    return text === "Invalid Date" ? text : `${text} (Coordinated Universal Time)`;
  },
  toTimeString() {
    const text = dates.toTimeString(this);
    return text === "Invalid Date" ? text : `${text} (Coordinated Universal Time)`;
  },
  toLocaleString(locales = undefined, options = undefined) {
    dates.getTime(this);
    return dateInWords(this, locales, options, "both");
  },
  toLocaleDateString(locales = undefined, options = undefined) {
    dates.getTime(this);
    return dateInWords(this, locales, options, "date");
  },
  toLocaleTimeString(locales = undefined, options = undefined) {
    dates.getTime(this);
    return dateInWords(this, locales, options, "time");
  },
});
defineHidden(Number.prototype, {
  toLocaleString(locales = undefined, options = undefined) {
    return numberText(numbers.valueOf(this), locales, options);
  },
});
defineHidden(BigInt.prototype, {
  toLocaleString(locales = undefined, options = undefined) {
    return numberText(bigints.valueOf(this), locales, options);
  },
});
defineHidden(String.prototype, {
  localeCompare(that, locales = undefined, options = undefined) {
    void locales;
    if (this === undefined || this === null) throw new TypeError("String.prototype.localeCompare called on null or undefined");
    return compareTexts(`${this}`, `${that}`, options);
  },
});

const given = newPrivateMap();
const now = Date.now;
const DateClass = Date;

function remember(formatter, locales, options) {
  given.set(formatter, { __proto__: null, locales, options });
}

function of(formatter) {
  const found = given.get(formatter);
  if (found === undefined) throw new TypeError("Incompatible receiver");
  return found;
}

class DateTimeFormat {
  constructor(locales = undefined, options = undefined) {
    dateInWords(new DateClass(0), locales, options, "date");
    remember(this, locales, options);
    const self = this;
    defineHidden(this, { format: (date = undefined) => formatted(self, date) });
  }
  resolvedOptions() {
    of(this);
    return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: "UTC" };
  }
}

function formatted(formatter, date) {
  const { locales, options } = of(formatter);
  return dateInWords(new DateClass(date === undefined ? now() : +date), locales, options, "date");
}

class NumberFormat {
  constructor(locales = undefined, options = undefined) {
    numberText(0, locales, options);
    remember(this, locales, options);
    const self = this;
    defineHidden(this, {
      format(value) {
        const { locales, options } = of(self);
        return numberText(typeof value === "bigint" ? value : +value, locales, options);
      },
    });
  }
}

class Collator {
  constructor(locales = undefined, options = undefined) {
    remember(this, locales, options);
    const self = this;
    defineHidden(this, { compare: (left, right) => compareTexts(`${left}`, `${right}`, of(self).options) });
  }
}

// They may be called without `new`.
function callable(constructor) {
  const { [constructor.name]: called } = {
    [constructor.name]: function (locales = undefined, options = undefined) {
      return new constructor(locales, options);
    },
  };
  objects.defineProperty(called, "prototype", { __proto__: null, value: constructor.prototype, writable: false });
  defineHidden(constructor.prototype, { constructor: called });
  return called;
}

const Intl = {};
defineHidden(Intl, { DateTimeFormat: callable(DateTimeFormat), NumberFormat: callable(NumberFormat), Collator: callable(Collator) });
objects.defineProperty(Intl, toStringTag, { __proto__: null, value: "Intl", configurable: true });
defineHidden(globalThis, { Intl });
