// The page's behaviour: sorting, filters, the panel of a measure, light and dark. The tables stand in the HTML already.
"use strict";

(() => {
  const element = (id) => document.getElementById(id);
  const data = JSON.parse(element("data").textContent);
  const root = document.documentElement;
  const body = document.querySelector("#leaderboard tbody");
  const headers = [...document.querySelectorAll("#leaderboard thead th")];
  const rows = [...body.rows];
  const panel = element("panel");
  const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down"];
  let drawn = null; // the name of the measure in the open panel

  root.classList.add("js");

  // -- sorting: numbers by value, text by letter, what has no value last in either direction ---------------------------

  function sortBy(header, direction) {
    const column = headers.indexOf(header);
    const numeric = rows.every((row) => !Number.isNaN(Number(row.cells[column].dataset.value)));
    const factor = direction === "ascending" ? 1 : -1;
    const position = (row) => Number(row.cells[0].dataset.value);
    rows.sort((a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].dataset.value);
      if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
      const difference = numeric ? Number(x) - Number(y) : x.localeCompare(y);
      return difference * factor || position(a) - position(b);
    });
    for (const each of headers) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
    body.append(...rows);
  }

  for (const header of headers) {
    header.querySelector("button").addEventListener("click", () => {
      const opposite = { ascending: "descending", descending: "ascending" };
      sortBy(header, opposite[header.getAttribute("aria-sort")] ?? header.dataset.first);
    });
  }

  // -- filters ---------------------------------------------------------------------------------------------------------

  function filter() {
    const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const family = element("family")?.value ?? "";
    let shown = 0;
    for (const row of rows) {
      const fits =
        (element("controls").checked || !row.classList.contains("control")) &&
        (family === "" || row.dataset.family === family) &&
        words.every((word) => row.dataset.search.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    element("shown").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    element("nothing").hidden = shown > 0;
  }

  const filters = element("filters");
  filters.hidden = false;
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());

  // -- the panel of a measure, opened by the address: #measure=NAME ----------------------------------------------------

  const fragment = (name) => `#measure=${encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
  const articleOf = (name) => element(fragment(name).slice(1));

  function named() {
    if (!location.hash.startsWith("#measure=")) return null;
    try {
      const name = decodeURIComponent(location.hash.slice("#measure=".length));
      return rows.some((row) => row.dataset.name === name) ? name : null;
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
    const facts = articleOf(name).cloneNode(true);
    facts.removeAttribute("id");
    element("facts").replaceChildren(facts);
    element("facts").scrollTop = 0;
    if (!panel.open) panel.showModal();
    if (drawn === null) element("close").focus();
    drawn = name;
    element("logarithmic").checked = false;
    draw();
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

  // -- the scatter plot ------------------------------------------------------------------------------------------------

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

  function hover(network) {
    const lines = Object.entries(data.hyperparameters).map(([name, { values, codes }]) => `${name}: ${values[codes[network]]}`);
    return [data.run_id[network], ...lines].map(escaped).join("<br>");
  }

  function tracesOf(scores) {
    const colours = colour("--trace").split(" ");
    return data.group.values.map((group, code) => {
      const members = data.group.codes.flatMap((each, network) =>
        each === code && scores[network] !== null && data.gap[network] !== null ? [network] : [],
      );
      return {
        type: "scatter",
        mode: "markers",
        name: escaped(group.replaceAll("_", " ")),
        x: members.map((network) => scores[network]),
        y: members.map((network) => data.gap[network]),
        text: members.map(hover),
        hovertemplate: "score %{x:.4g}<br>gap %{y:.4f}<br>%{text}<extra></extra>",
        marker: {
          color: colours[code % colours.length],
          symbol: SYMBOLS[(code + Math.floor(code / colours.length)) % SYMBOLS.length],
          size: 8,
          opacity: members.length > 300 ? 0.55 : 0.8,
        },
      };
    });
  }

  function draw() {
    const scores = data.scores[drawn];
    const reason =
      scores === undefined
        ? "The scores of this control are made while ranking and do not stand in the ledger: there is nothing to plot."
        : typeof Plotly === "undefined"
          ? 'To see the scatter plots, run pip install "gapbench[plots]" and build the page again.'
          : "";
    element("unplotted").textContent = reason;
    element("unplotted").hidden = reason === "";
    element("plot").hidden = reason !== "";
    const positive = reason === "" && scores.every((score) => score === null || score > 0);
    element("logarithmic-choice").hidden = !positive;
    if (reason !== "") return;
    const axis = { gridcolor: colour("--rule"), zerolinecolor: colour("--rule"), linecolor: colour("--rule"), automargin: true };
    const layout = {
      autosize: true,
      margin: { l: 56, r: 16, t: 40, b: 52 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: colour("--sans"), size: 13, color: colour("--ink") },
      xaxis: { ...axis, title: { text: escaped(drawn) }, type: element("logarithmic").checked ? "log" : "linear" },
      yaxis: { ...axis, title: { text: escaped(data.target) } },
      hoverlabel: { bgcolor: colour("--surface"), bordercolor: colour("--rule"), font: { color: colour("--ink") }, align: "left" },
      showlegend: data.group.values.length > 1,
      legend: { orientation: "h", yref: "container", x: 0, y: 0, yanchor: "bottom" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--ink") },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    };
    const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]]; // without plotly's button that uploads a plot
    const options = { responsive: true, displaylogo: false, modeBarButtons: buttons };
    Plotly.react("plot", tracesOf(scores), layout, options);
  }

  element("logarithmic").addEventListener("change", draw);

  // -- light and dark: the system's choice until somebody presses the button -------------------------------------------

  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.dataset.theme ?? (system.matches ? "dark" : "light");

  function repaint() {
    element("theme").textContent = theme() === "dark" ? "Light" : "Dark";
    if (drawn !== null) draw();
  }

  element("theme").hidden = false;
  element("theme").addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("gapbench-theme", root.dataset.theme);
    } catch {
      // a browser that keeps nothing shows the choice until the page is closed
    }
    repaint();
  });
  system.addEventListener("change", repaint);
  try {
    const kept = localStorage.getItem("gapbench-theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch {
    // nothing kept
  }

  if (matchMedia("(max-width: 760px)").matches) element("reading").open = false;
  filter();
  repaint();
  follow();
})();
