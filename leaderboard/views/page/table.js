// -- the table: sorting, filters, columns -----------------------------------------------------------------------------

const body = document.querySelector("#leaderboard tbody");
const headers = [...document.querySelectorAll("#leaderboard thead th")];
const rows = [...body.rows];
const narrow = matchMedia("(max-width: 760px)");
const full = matchMedia("(min-width: 1480px)"); // where every column of the first choice has room
const CHANGED = new Event("rows"); // tells the plot that follows the table

/** Numbers by value, text by letter, what has no value last in either direction. */
function sortBy(header, direction) {
  const place = headers.indexOf(header);
  const numeric = rows.every((row) => !Number.isNaN(Number(row.cells[place].dataset.value)));
  const factor = direction === "ascending" ? 1 : -1;
  const position = (row) => Number(row.cells[0].dataset.value);
  rows.sort((a, b) => {
    const [x, y] = [a, b].map((row) => row.cells[place].dataset.value);
    if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
    const difference = numeric ? Number(x) - Number(y) : x.localeCompare(y);
    return difference * factor || position(a) - position(b);
  });
  for (const each of headers) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  body.append(...rows);
  dispatchEvent(CHANGED);
}

const FILTERS = ["search", "family", "needs", "track"];

/** What the reader has chosen, in words of the address; nothing where all is as at first. */
function chosenWords() {
  const words = new URLSearchParams();
  for (const id of FILTERS) if (element(id)?.value) words.set(id, element(id).value);
  if (!element("controls").checked) words.set("controls", "off");
  const sorted = headers.find((header) => header.hasAttribute("aria-sort"));
  const sort = `${sorted.dataset.key}.${sorted.getAttribute("aria-sort")}`;
  if (sort !== "rank.ascending") words.set("sort", sort);
  return words;
}

/** Filters and sorts as an address says, what it leaves out as at first. */
function applyWords(words) {
  for (const id of FILTERS) {
    const field = element(id);
    if (field === null) continue;
    const value = words.get(id) ?? "";
    const known = field.options === undefined || [...field.options].some((option) => option.value === value);
    field.value = known ? value : "";
  }
  element("controls").checked = words.get("controls") !== "off";
  const [key, direction] = (words.get("sort") ?? "").split(".");
  const header = headers.find((each) => each.dataset.key === key);
  if (header && ["ascending", "descending"].includes(direction)) sortBy(header, direction);
  filter();
}

for (const header of headers) {
  header.querySelector("button").addEventListener("click", () => {
    const opposite = { ascending: "descending", descending: "ascending" };
    sortBy(header, opposite[header.getAttribute("aria-sort")] ?? header.dataset.first);
    replaceAddress(chosenWords());
  });
}

function filter() {
  const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = (id) => element(id)?.value ?? "";
  const [family, needs, track] = ["family", "needs", "track"].map(chosen);
  let shown = 0;
  for (const row of rows) {
    const fits =
      (element("controls").checked || !row.classList.contains("control")) &&
      (family === "" || row.dataset.family === family) &&
      (needs === "" || row.dataset.needs.split(", ").includes(needs)) &&
      (track === "" || row.dataset.track === track) &&
      words.every((word) => row.dataset.search.includes(word));
    row.hidden = !fits;
    shown += fits;
  }
  element("shown").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  element("nothing").hidden = shown > 0;
  dispatchEvent(CHANGED);
}

const filters = element("filters");
filters.hidden = false;
filters.addEventListener("input", (event) => {
  if (event.target.closest("#columns")) return;
  filter();
  replaceAddress(chosenWords());
});
filters.addEventListener("submit", (event) => event.preventDefault());

function show(header, shown) {
  const place = headers.indexOf(header);
  header.hidden = !shown;
  for (const row of rows) row.cells[place].hidden = !shown;
}

for (const header of headers) {
  const { key } = header.dataset;
  if (key === "rank" || key === "name") continue;
  if (!full.matches && key === "family") show(header, false);
  const label = document.createElement("label");
  label.className = "check";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !header.hidden;
  box.dataset.column = key;
  box.addEventListener("change", () => show(header, box.checked));
  label.append(box, ` ${header.textContent}`);
  element("columns").append(label);
}

// -- the ranking as CSV: the rows that are shown, every column, figures in full ------------------------------------------

function rankingCsv() {
  const shown = rows.filter((row) => !row.hidden);
  const written = headers.flatMap((header, place) => {
    const { key } = header.dataset;
    const cells = shown.map((row) => row.cells[place]);
    if (key === "rank") return [[key, ...cells.map((cell) => Number(cell.textContent) || "")]];
    if (key === "name") return [["measure", ...shown.map((row) => row.dataset.name)]];
    const found = [[key, ...cells.map((cell) => cell.dataset.value)]];
    if (cells.some((cell) => "low" in cell.dataset)) {
      for (const end of ["low", "high"]) found.push([`${key}_${end}`, ...cells.map((cell) => cell.dataset[end] ?? "")]);
    }
    return found;
  });
  return csvOf(written);
}

element("download-ranking").addEventListener("click", () => save(rankingCsv(), "ranking.csv"));
