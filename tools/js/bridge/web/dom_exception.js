// DOMException (https://webidl.spec.whatwg.org/#idl-DOMException), an Error with a stack.

const { objects } = internal.web.primordials;
const { defineConstants, defineInterface } = internal.web.interface;

const NAMES = [
  "IndexSizeError", null, "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", null, "NoModificationAllowedError",
  "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError", "SyntaxError", "InvalidModificationError",
  "NamespaceError", "InvalidAccessError", null, "TypeMismatchError", "SecurityError", "NetworkError", "AbortError", "URLMismatchError",
  "QuotaExceededError", "TimeoutError", "InvalidNodeTypeError", "DataCloneError",
];
const CONSTANTS = {
  INDEX_SIZE_ERR: 1, DOMSTRING_SIZE_ERR: 2, HIERARCHY_REQUEST_ERR: 3, WRONG_DOCUMENT_ERR: 4, INVALID_CHARACTER_ERR: 5,
  NO_DATA_ALLOWED_ERR: 6, NO_MODIFICATION_ALLOWED_ERR: 7, NOT_FOUND_ERR: 8, NOT_SUPPORTED_ERR: 9, INUSE_ATTRIBUTE_ERR: 10,
  INVALID_STATE_ERR: 11, SYNTAX_ERR: 12, INVALID_MODIFICATION_ERR: 13, NAMESPACE_ERR: 14, INVALID_ACCESS_ERR: 15, VALIDATION_ERR: 16,
  TYPE_MISMATCH_ERR: 17, SECURITY_ERR: 18, NETWORK_ERR: 19, ABORT_ERR: 20, URL_MISMATCH_ERR: 21, QUOTA_EXCEEDED_ERR: 22, TIMEOUT_ERR: 23,
  INVALID_NODE_TYPE_ERR: 24, DATA_CLONE_ERR: 25,
};

const { captureStackTrace } = Error;

class DOMException {
  #message;
  #name;

  constructor(message = "", options = "Error") {
    this.#message = `${message}`;
    let cause;
    if (typeof options === "object" && options !== null) {
      this.#name = options.name === undefined ? "Error" : `${options.name}`;
      cause = options;
    } else {
      this.#name = `${options}`;
    }
    if (cause !== undefined && "cause" in cause) {
      objects.defineProperty(this, "cause", { __proto__: null, value: cause.cause, writable: true, configurable: true });
    }
    captureStackTrace(this, new.target);
  }

  get message() {
    return this.#message;
  }
  get name() {
    return this.#name;
  }
  get code() {
    for (let index = 0; index < NAMES.length; index++) if (NAMES[index] === this.#name) return index + 1;
    return 0;
  }

  static is(value) {
    return typeof value === "object" && value !== null && #name in value;
  }
}

const isDOMException = DOMException.is;
delete DOMException.is;
objects.setPrototypeOf(DOMException.prototype, Error.prototype);
defineInterface(DOMException);
defineConstants(DOMException, CONSTANTS);

internal.web.dom_exception = { __proto__: null, DOMException, isDOMException };
