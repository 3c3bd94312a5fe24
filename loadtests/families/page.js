// Renders a page from a template, after waiting as a function waits for its data.
const ESCAPES = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

async function main({ wait_ms: wait = 0, seed = 1 }) {
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  let rows = '';
  for (let row = 0; row < 60; row++) {
    rows += `<tr><td>${row}</td><td>${`a < b & "c" #${seed + row}`.replace(/[<>&"]/g, (c) => ESCAPES[c])}</td></tr>\n`;
  }
  return { html: `<table>\n${rows}</table>\n` };
}
