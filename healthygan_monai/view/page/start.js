"use strict";
// Fill the page, and its keys.

for (const section of SECTIONS) {
  byId("section").append(made("option", {value: section, textContent: section.replace("_", " ")}));
}
byId("scale-word").textContent = WORDS.difference;
byId("scale-name").textContent = WORDS.difference.toLowerCase();
byId("notes").textContent = DATA.notes.join(" ");

for (const id of ["section", "order", "marks"]) byId(id)?.addEventListener("change", filtered);
byId("subject").addEventListener("input", filtered);
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("help-button").addEventListener("click", () => byId("help").showModal());
byId("back").addEventListener("click", toGrid);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("overlay").addEventListener("change", toggleOverlay);
byId("over").addEventListener("change", () => { BEFORE_HEALTHY = null; drawOverlay(); });
byId("reset").addEventListener("click", resetDisplay);
for (const name of Object.keys(SLIDERS)) byId(name).addEventListener("input", () => slid(name));
if (DATA.served) {
  byId("seen").addEventListener("change", keepMarks);
  byId("remark").addEventListener("input", writing);
  byId("remark").addEventListener("blur", keepMarks);
}
window.addEventListener("hashchange", openFromAddress);

function filtered() {
  filterCases();
  if (CURRENT) toGrid();
}

function toGrid() { location.hash = ""; }

const KEYS = {
  j: () => move(1), ArrowRight: () => move(1), k: () => move(-1), ArrowLeft: () => move(-1),
  o: () => CURRENT && toggleOverlay(), h: toggleHealthy, r: () => CURRENT && resetDisplay(),
  s: () => CURRENT && DATA.served && toggleSeen(),
  m: () => CURRENT && DATA.served && byId("remark").focus(),
  "/": () => byId("subject").focus(), "?": () => byId("help").showModal(),
  Escape: () => CURRENT && toGrid(),
};

function move(by) {
  if (CURRENT) step(by);
  else moveCard(by);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const field = event.target;
  if (field.matches("textarea, select, input:not([type=checkbox], [type=range])")) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (field.matches("[type=range]") && event.key.startsWith("Arrow")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  event.stopPropagation(); // NiiVue has other uses for some of these keys
  KEYS[key]();
}, {capture: true});

filterCases();
sliders();
openFromAddress();
document.documentElement.dataset.ready = "yes";
