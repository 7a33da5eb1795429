// The web platform for scripts: evaluating this module installs it. What it exports is for the event loop and the rest of the bridge.

import "./globals.js";
import "./inspect_platform.js";
import "./locale.js";
import * as timers from "./timers.js";

export { timers };
export { onAbort } from "./abort.js";
export { onUncaught } from "./report_error.js";
export { inspect } from "./inspect.js";
