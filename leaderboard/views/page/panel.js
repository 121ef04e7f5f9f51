// -- the panel of a measure, opened by the address: #measure=NAME ------------------------------------------------------

const panel = element("panel");
let drawn = null; // the name of the measure in the open panel

// To a browser that runs scripts a noscript is text: the facts of a measure become elements when it is opened.
const articles = new Map(
  [...document.querySelectorAll("noscript[data-name]")].map((each) => [each.dataset.name, each]),
);
const fragment = (name) =>
  `#measure=${encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;

function named() {
  if (!location.hash.startsWith("#measure=")) return null;
  try {
    const name = decodeURIComponent(location.hash.slice("#measure=".length));
    return articles.has(name) ? name : null;
  } catch {
    return null; // a mangled address names no measure
  }
}

function follow() {
  const name = named();
  if (name === null) {
    if (panel.open) panel.close();
    return;
  }
  element("panel-name").textContent = name;
  element("facts").innerHTML = articles.get(name).textContent;
  element("facts").querySelector("article").removeAttribute("id");
  element("facts").scrollTop = 0;
  if (!panel.open) panel.showModal();
  if (drawn === null) element("close").focus();
  drawn = name;
  element("logarithmic").checked = false;
  drawScatter(name, undefined, afterPaint);
}

function step(by) {
  const visible = rows.filter((row) => !row.hidden);
  const at = visible.findIndex((row) => row.dataset.name === drawn);
  const next = visible[(at + by + visible.length) % visible.length];
  if (next) location.replace(fragment(next.dataset.name));
}

element("previous").addEventListener("click", () => step(-1));
element("next").addEventListener("click", () => step(1));
element("close").addEventListener("click", () => panel.close());
panel.addEventListener("click", (event) => event.target === panel && panel.close());
panel.addEventListener("close", () => {
  const row = rows.find((each) => each.dataset.name === drawn);
  drawn = null;
  history.replaceState(null, "", location.pathname + location.search);
  row?.querySelector("a").focus();
});
body.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !event.target.closest("a") && getSelection().isCollapsed) location.hash = fragment(row.dataset.name);
});
addEventListener("hashchange", follow);
element("logarithmic").addEventListener("change", () => drawScatter(drawn));
element("beside").addEventListener("change", () => drawScatter(drawn, element("beside").value));
