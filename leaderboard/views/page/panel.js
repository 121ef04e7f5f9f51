// -- the panel of a measure, opened by the address: #measure=NAME ------------------------------------------------------

const panel = element("panel");
let drawn = null; // the name of the measure in the open panel

// To a browser that runs scripts a noscript is text: the facts of a measure become elements when it is opened.
const articles = new Map(
  [...document.querySelectorAll("noscript[data-name]")].map((each) => [each.dataset.name, each]),
);
const fragment = (name) =>
  `#measure=${encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;

const WORDS = [...FILTERS, "controls", "sort"]; // of the table, in the address

function named() {
  const name = address().get("measure");
  return articles.has(name) ? name : null;
}

function follow() {
  const name = named();
  if (name === null) {
    if (panel.open) panel.close();
    if (WORDS.some((word) => address().has(word))) applyWords(address());
    return;
  }
  element("panel-name").textContent = name;
  element("facts").innerHTML = articles.get(name).textContent;
  const article = element("facts").querySelector("article");
  article.removeAttribute("id");
  element("panel-standing").replaceChildren(...article.querySelector(".standing").childNodes);
  element("permalink").href = fragment(name);
  element("permalink").textContent = "Link";
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
  replaceAddress(chosenWords());
  row?.querySelector("a").focus();
});
body.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !event.target.closest("a") && getSelection().isCollapsed) location.hash = fragment(row.dataset.name);
});
addEventListener("hashchange", follow);
element("families")?.addEventListener("click", (event) => {
  if (event.target.closest('a[href^="#family="]')) element("ranking").scrollIntoView();
});
element("logarithmic").addEventListener("change", () => drawScatter(drawn));
element("permalink").addEventListener("click", async (event) => {
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(event.target.href);
    event.target.textContent = "Copied";
  } catch {
    // a browser that does not let a page copy: the address bar has the same link
  }
});

/** Shows the figures of two measures side by side; nothing for a control. */
function compare(name, beside) {
  element("facts").querySelector(".comparison")?.remove();
  if (embedded().measures[beside]?.control ?? true) return;
  const pair = [name, beside].map((each) => rows.find((row) => row.dataset.name === each));
  const table = document.createElement("table");
  table.className = "plain comparison";
  const head = table.createTHead().insertRow();
  head.insertCell();
  for (const row of pair) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = row.dataset.name;
    head.append(cell);
  }
  const lines = table.createTBody();
  headers.forEach((header, place) => {
    if (header.dataset.key === "name") return;
    const line = lines.insertRow();
    const label = document.createElement("th");
    label.scope = "row";
    label.textContent = header.textContent;
    line.append(label);
    for (const row of pair) line.insertCell().textContent = row.cells[place].textContent.replace(/\s+/g, " ").trim();
  });
  element("facts").prepend(table);
}

element("beside").addEventListener("change", () => drawScatter(drawn, element("beside").value));
