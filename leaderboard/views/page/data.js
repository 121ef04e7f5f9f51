// -- what is embedded: read when first asked for, each column when it is needed --------------------------------------

const element = (id) => document.getElementById(id);
const root = document.documentElement;
root.classList.add("js");

const once = (make) => {
  let made;
  return () => (made ??= make());
};
const embedded = once(() => JSON.parse(element("data").textContent));

/** The numbers of a base64 text. */
function numbers(text, type) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new type(bytes.buffer);
}

const columns = new Map();

/** A column of the ledger: for each network a number, NaN where there is none, or a text, null where there is none. */
function column(name) {
  if (!columns.has(name)) {
    const { numbers: doubles, texts, codes } = embedded().ledger[name];
    columns.set(
      name,
      doubles === undefined
        ? Array.from(numbers(codes, Int32Array), (code) => (code < 0 ? null : texts[code]))
        : numbers(doubles, Float64Array),
    );
  }
  return columns.get(name);
}

/** The scores of the ranked networks by a measure or a control, NaN where there is none. */
function scoresOf(name) {
  const { controls, rows, ledger } = embedded();
  if (name in controls) return Array.from(numbers(controls[name], Float32Array));
  if (!(`measure.${name}` in ledger)) return null;
  const scores = column(`measure.${name}`);
  return rows.map((row) => scores[row]);
}

const gaps = once(() => Array.from(numbers(embedded().gap, Float64Array)));

/** The ranked networks by the value within which the report ranks: [value, places of the networks]. */
const groups = once(() => {
  const { group, rows } = embedded();
  const found = new Map();
  const values = group === null ? null : column(group);
  rows.forEach((row, place) => {
    const value = values === null ? "all networks" : String(values[row] ?? "none");
    if (!found.has(value)) found.set(value, []);
    found.get(value).push(place);
  });
  return [...found];
});

/** The losses of a network's epochs, thinned as they were embedded: {epochs, losses}; by its row of the ledger. */
const curves = once(() => {
  const { curves: kept } = embedded();
  const most = 64;
  const values = numbers(kept.values, Float32Array);
  let start = 0;
  return Array.from(numbers(kept.lengths, Uint32Array), (length) => {
    const points = Math.min(length, most);
    const epochs = Array.from({ length: points }, (_, place) =>
      length <= most ? place + 1 : Math.floor((place * (length - 1)) / (most - 1)) + 1,
    );
    const losses = Array.from(values.subarray(start, start + points));
    start += points;
    return { epochs, losses };
  });
});

/** Columns of texts and numbers as CSV, each headed by its name. */
function csvOf(written) {
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = Array.from({ length: written[0]?.length ?? 0 }, (_, row) =>
    written.map((cells) => quoted(String(cells[row]))).join(","),
  );
  return `${lines.join("\n")}\n`;
}

/** The ledger as CSV, every number to the last bit. */
function csv() {
  const written = Object.keys(embedded().ledger).map((name) => [
    name,
    ...Array.from(column(name), (value) => {
      if (value === null || Number.isNaN(value)) return "";
      return value === Infinity ? "inf" : value === -Infinity ? "-inf" : value;
    }),
  ]);
  return csvOf(written);
}

/** Saves a text as a file. */
function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

element("download").hidden = false;
element("download").addEventListener("click", () => save(csv(), "ledger.csv"));
