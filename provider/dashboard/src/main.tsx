import { render } from "preact";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { App } from "./app";
import { startRouter } from "./router";
import { startTheme } from "./state/theme";
import { startHotkeys } from "./ui/hotkeys";

startTheme();
startRouter();
startHotkeys();
const root = document.getElementById("app");
if (root) render(<App />, root);
