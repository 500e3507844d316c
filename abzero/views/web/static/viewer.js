// The page's scripts. Everything works without them but the live view, search and the keyboard.
import { forms } from "./forms.js";
import { graph } from "./graph.js";
import { keys } from "./keys.js";
import { live } from "./live.js";

forms();
graph();
keys(live());
