// -- plots: plotly is compiled when the first one comes into view ------------------------------------------------------

const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down"];
const SOME = 40; // learning curves of a group: more cover each other
const BINS = 24; // of the histogram of gaps
const WITHOUT = 'To see the plots, run pip install "gapbench[plots]" and build the page again.';

/** Runs plotly, which the page carries compressed; resolves when it has run. */
const plotly = once(async () => {
  const packed = new Blob([numbers(element("plotly").textContent, Uint8Array)]).stream();
  const script = document.createElement("script");
  const unpacked = packed.pipeThrough(new DecompressionStream("gzip"));
  script.textContent = await new Response(unpacked).text(); // the page's policy knows its hash
  document.head.append(script);
});

const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const worded = (name) => escaped(name.replaceAll("_", " "));
const plain = (name) => name.replace(/^hp\./, "");

function marked(code, count) {
  const colours = colour("--trace").split(" ");
  return {
    color: colours[code % colours.length],
    symbol: SYMBOLS[(code + Math.floor(code / colours.length)) % SYMBOLS.length],
    size: count > 300 ? 6 : 8,
    opacity: count > 300 ? 0.55 : 0.8,
  };
}

function layoutOf(axes, more) {
  const line = colour("--rule");
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  return {
    autosize: true,
    margin: { l: 56, r: 16, t: 32, b: 52 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colour("--sans"), size: 13, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--surface"), bordercolor: line, font: { color: colour("--ink") }, align: "left" },
    legend: { orientation: "h", yref: "container", x: 0, y: 0, yanchor: "bottom", traceorder: "normal" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--ink") },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    ...Object.fromEntries(Object.entries(axes).map(([name, own]) => [name, { ...axis, ...own }])),
    ...more,
  };
}

function react(target, traces, layout) {
  const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]]; // without plotly's button that uploads a plot
  const displayModeBar = narrow.matches ? false : "hover"; // on a telephone it would cover points
  const options = { responsive: true, displaylogo: false, displayModeBar, modeBarButtons: buttons };
  return Plotly.react(target, traces, layout, options);
}

// -- a measure against the gap, a control beside it -------------------------------------------------------------------

function hover(network) {
  const { hyperparameters, rows: ranked, ledger } = embedded();
  const row = ranked[network];
  const id = "run_id" in ledger ? column("run_id")[row] : `row ${row}`;
  const lines = hyperparameters.map((name) => `${plain(name)}: ${column(name)[row]}`);
  return [id, ...lines].map((text) => escaped(String(text))).join("<br>");
}

function scatter(scores, which) {
  return groups().map(([group, members], code) => {
    const kept = members.filter((network) => Number.isFinite(scores[network]) && Number.isFinite(gaps()[network]));
    return {
      type: "scatter",
      mode: "markers",
      name: worded(group),
      legendgroup: String(code),
      showlegend: which === "" && groups().length > 1,
      xaxis: `x${which}`,
      yaxis: `y${which}`,
      x: kept.map((network) => scores[network]),
      y: kept.map((network) => gaps()[network]),
      text: kept.map(hover),
      hovertemplate: "score %{x:.4g}<br>gap %{y:.4f}<br>%{text}<extra></extra>",
      marker: marked(code, scores.length),
    };
  });
}

/** Offers the controls and the other measures to put beside, best first; returns the best control. */
function offerBeside(name) {
  const { measures } = embedded();
  const groupOf = (label, control) => {
    const group = document.createElement("optgroup");
    group.label = label;
    const offered = Object.keys(measures).filter((each) => measures[each].control === control && each !== name);
    for (const each of offered) group.append(new Option(plain(each), each));
    return group;
  };
  const offered = [groupOf("Controls", true), groupOf("Measures", false)];
  element("beside").replaceChildren(...offered.filter((group) => group.children.length > 0));
  return element("beside").options[0]?.value;
}

/** Runs what takes long once the browser has shown what is there. */
const afterPaint = (draw) => requestAnimationFrame(() => setTimeout(draw));

function drawScatter(name, chosen, when = (draw) => draw()) {
  const scores = element("plotly") === null ? null : scoresOf(name);
  const reason = element("plotly") === null ? WITHOUT : scores === null ? "The ledger holds no scores of it." : "";
  element("unplotted").textContent = reason;
  element("unplotted").hidden = reason === "";
  element("plot").hidden = element("beside-choice").hidden = reason !== "";
  element("logarithmic-choice").hidden = reason !== "" || !scores.every((score) => Number.isNaN(score) || score > 0);
  if (reason === "") when(() => name === drawn && drawPoints(name, scores, chosen));
}

async function drawPoints(name, scores, chosen) {
  await plotly();
  if (name !== drawn) return;
  const kept = element("beside").value;
  const beside = chosen || (plot.dataset.name === name && kept ? kept : offerBeside(name));
  plot.dataset.name = name;
  const others = beside === undefined ? null : scoresOf(beside);
  element("beside-choice").hidden = others === null;
  const gap = escaped(embedded().target);
  const kind = element("logarithmic").checked ? "log" : "linear";
  const [first, second] = narrow.matches
    ? [{ x: [0, 1], y: [0.6, 1] }, { x: [0, 1], y: [0, 0.42] }]
    : [{ x: [0, others === null ? 1 : 0.62], y: [0, 1] }, { x: [0.72, 1], y: [0, 1] }];
  const axes = {
    xaxis: { title: { text: escaped(name), standoff: 6 }, type: kind, domain: first.x },
    yaxis: { title: { text: gap }, domain: first.y },
  };
  if (others !== null) {
    const what = embedded().measures[beside].control ? `control: ${worded(plain(beside))}` : escaped(beside);
    axes.xaxis2 = { title: { text: what, standoff: 6 }, domain: second.x, anchor: "y2" };
    axes.yaxis2 = { domain: second.y, anchor: "x2", matches: "y", title: { text: narrow.matches ? gap : "" } };
  }
  compare(name, beside);
  const points = scatter(scores, "");
  const besides = others === null ? [] : scatter(others, "2");
  besides.forEach((trace, code) => (trace.showlegend = groups().length > 1 && points[code].x.length === 0));
  react("plot", [...points, ...besides], layoutOf(axes, {}));
}

// -- the plots of the page ---------------------------------------------------------------------------------------------

const plot = element("plot");
const turned = ({ psi, sign }) => (psi === null ? null : psi * sign);

const PAINTERS = {
  cost(target) {
    const entries = Object.entries(embedded().measures).filter(([, { psi, seconds }]) => psi !== null && seconds > 0);
    const traces = [false, true].map((control) => {
      const own = entries.filter(([, entry]) => entry.control === control);
      return {
        type: "scatter",
        mode: "markers",
        name: control ? "controls" : "measures",
        x: own.map(([, { seconds }]) => seconds),
        y: own.map(([, entry]) => turned(entry)),
        text: own.map(([name]) => escaped(name)),
        customdata: own.map(([name]) => name),
        hovertemplate: "%{text}<br>Ψ %{y:.3f}<br>%{x:.3g} s<extra></extra>",
        marker: { ...marked(control ? 6 : 0, own.length), symbol: control ? "diamond-open" : "circle" },
      };
    });
    const front = entries.filter(([, entry]) => entry.front).sort(([, a], [, b]) => a.seconds - b.seconds);
    traces.push({
      type: "scatter",
      mode: "lines",
      name: "front",
      x: front.map(([, { seconds }]) => seconds),
      y: front.map(([, entry]) => turned(entry)),
      line: { shape: "hv", color: colour("--bad"), width: 1.5 },
      hoverinfo: "skip",
    });
    const axes = {
      xaxis: { type: "log", exponentformat: "power", title: { text: "median seconds a network" } },
      yaxis: { title: { text: "Ψ, turned by the expected sign" } },
    };
    react(target, traces.filter(({ x }) => x.length > 0), layoutOf(axes, { height: 460 }));
    target.removeAllListeners("plotly_click");
    target.on("plotly_click", ({ points }) => {
      if (points[0].customdata !== undefined) location.hash = fragment(points[0].customdata);
    });
  },

  hyperparameters(target) {
    const { measures, hyperparameters } = embedded();
    const shown = rows.filter((row) => !row.hidden && measures[row.dataset.name].psi !== null);
    const entries = shown.map((row) => measures[row.dataset.name]);
    const z = entries.map(({ psi_of: psi, sign, control }) =>
      psi.map((each) => (each === null ? null : each * (control ? 1 : sign))),
    );
    const scale = [[0, colour("--warm")], [0.5, colour("--surface")], [1, colour("--cool")]];
    const trace = {
      type: "heatmap",
      z,
      x: hyperparameters.map((name) => worded(plain(name))),
      y: shown.map((row) => escaped(row.dataset.name)),
      zmin: -1,
      zmax: 1,
      colorscale: scale,
      showscale: false,
      xgap: 2,
      ygap: 1,
      hoverongaps: false,
      hovertemplate: "%{y}<br>%{x}: %{z:.3f}<extra></extra>",
    };
    const axes = {
      xaxis: { side: "top", type: "category", tickangle: narrow.matches ? -60 : -30, fixedrange: true, dtick: 1 },
      yaxis: { autorange: "reversed", type: "category", fixedrange: true, dtick: 1, tickfont: { size: 11 } },
    };
    const more = { height: 130 + 17 * shown.length, margin: { l: 60, r: 60, t: 90, b: 8 }, dragmode: false };
    react(target, [trace], layoutOf(axes, more));
  },

  gaps(target) {
    const every = gaps().filter(Number.isFinite);
    const low = every.reduce((a, b) => Math.min(a, b), Infinity);
    const high = every.reduce((a, b) => Math.max(a, b), -Infinity);
    const traces = groups().map(([group, members], code) => ({
      type: "histogram",
      name: worded(group),
      x: members.map((network) => gaps()[network]),
      xbins: { start: low, end: high + (high - low) / BINS, size: (high - low || 1) / BINS },
      marker: { color: marked(code, 0).color },
      hovertemplate: "%{x}: %{y}<extra></extra>",
    }));
    const axes = { xaxis: { title: { text: escaped(embedded().target) } }, yaxis: { title: { text: "networks" } } };
    react(target, traces, layoutOf(axes, { barmode: "stack", height: 380, showlegend: traces.length > 1 }));
  },

  curves(target) {
    const ranked = embedded().rows;
    let left = 0;
    const traces = groups().map(([group, members], code) => {
      const having = members.filter((network) => curves()[ranked[network]].losses.length > 0);
      const every = Math.max(1, Math.ceil(having.length / SOME));
      const chosen = having.filter((_, place) => place % every === 0);
      left += having.length - chosen.length;
      const parts = chosen.map((network) => curves()[ranked[network]]);
      return {
        type: "scatter",
        mode: "lines",
        name: worded(group),
        x: parts.flatMap(({ epochs }) => [...epochs, null]),
        y: parts.flatMap(({ losses }) => [...losses, null]),
        line: { color: marked(code, 0).color, width: 1 },
        opacity: 0.55,
        hoverinfo: "skip",
      };
    });
    element("some-curves").textContent = left > 0 ? `, of every group up to ${SOME} networks, evenly chosen` : "";
    const axes = {
      xaxis: { title: { text: "epoch" } },
      yaxis: { title: { text: "mean minibatch loss" }, type: "log", exponentformat: "power" },
    };
    react(target, traces, layoutOf(axes, { height: 380, showlegend: traces.length > 1 }));
  },
};

const painted = new Set();
const places = [...document.querySelectorAll("[data-plot]")];

async function paint(place) {
  painted.add(place);
  await plotly();
  PAINTERS[place.dataset.plot](place);
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || painted.has(target)) continue;
      watcher.unobserve(target);
      paint(target);
    }
  },
  { rootMargin: "200px" },
);
for (const place of places) {
  place.hidden = false;
  if (element("plotly") === null) place.textContent = WITHOUT;
  else watcher.observe(place);
}
addEventListener("rows", () => {
  for (const place of painted) if (place.dataset.plot === "hyperparameters") paint(place);
});

/** Every plot that is there in the colours of the day. */
function redraw() {
  for (const place of painted) paint(place);
  if (drawn !== null) drawScatter(drawn);
}
