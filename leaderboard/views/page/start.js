// -- light and dark: the system's choice until somebody presses the button ---------------------------------------------

const system = matchMedia("(prefers-color-scheme: dark)");
const theme = () => root.dataset.theme ?? (system.matches ? "dark" : "light");

function repaint() {
  element("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  redraw();
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

if (narrow.matches) element("reading").open = false;
applyWords(address());
repaint();
follow();
