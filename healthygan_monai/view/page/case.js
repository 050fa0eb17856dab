"use strict";
// One case: its pictures, what lies over the input, window and scale.

let CURRENT = null;
let BEFORE_HEALTHY = null; // what lay over the input before H

function openFromAddress() {
  const found = /^#case=(\d+)$/.exec(location.hash);
  const item = found ? CASES[Number(found[1])] : undefined;
  if (item) showCase(item);
  else showGrid();
}

function showGrid() {
  const last = CURRENT;
  leaveCase();
  CURRENT = null;
  byId("case").hidden = true;
  byId("grid").hidden = false;
  showPage(PAGE);
  if (last) focusCard(last);
}

function leaveCase() {
  if (CURRENT && DATA.served) keepMarks();
  closeVolume();
}

function showCase(item) {
  leaveCase();
  CURRENT = item;
  byId("grid").hidden = true;
  byId("case").hidden = false;
  const place = LIST.indexOf(item);
  byId("case-title").textContent = title(item);
  const where = place < 0 ? "not in the filter" : `${place + 1} of ${LIST.length}`;
  const stem = title(item) === item.stem ? [] : [item.stem];
  byId("case-facts").textContent = [facts(item), ...stem, where].join(" · ");
  byId("previous").disabled = place <= 0;
  byId("next").disabled = place < 0 || place + 1 >= LIST.length;
  if (DATA.served && isVolume(item)) openVolume(item);
  else drawPanels(item);
  offerOverlays(item);
  if (DATA.served) showMarks(item);
  byId("case-title").focus({preventScroll: true});
  const next = LIST[place + 1];
  if (place >= 0 && next) for (const part of SHOWN) if (has(next, part)) picture(next, part, false);
}

function drawPanels(item) {
  const panels = byId("panels");
  panels.replaceChildren(...SHOWN.map((part) => panel(item, part, panels, false)));
}

function offerOverlays(item) {
  const parts = ["difference", "mask", "healthy"].filter((part) => has(item, part));
  const chosen = byId("over").value;
  const options = parts.map((part) => made("option", {value: part, textContent: WORDS[part]}));
  byId("over").replaceChildren(...options);
  if (parts.includes(chosen)) byId("over").value = chosen;
  byId("over-label").hidden = isVolume(item);
  drawOverlay();
}

function drawOverlay() {
  byId("overlay").checked = DISPLAY.overlay;
  if (VOLUME) return paintVolume();
  const frame = document.querySelector("#panels figure.image .fitted");
  frame?.querySelector(".over")?.remove();
  const part = byId("over").value, laid = frame && part && DISPLAY.overlay;
  const caption = document.querySelector("#panels figure.image figcaption");
  if (caption) caption.textContent = laid ? `${WORDS.image} + ${WORDS[part].toLowerCase()}` : WORDS.image;
  if (!laid) return;
  const image = picture(CURRENT, part, false);
  image.classList.add("over");
  image.style.opacity = DISPLAY.opacity;
  frame.append(image);
}

function toggleOverlay() {
  DISPLAY.overlay = !DISPLAY.overlay;
  drawOverlay();
}

// The healthy translation in place of the input, and back: what changes is seen as it moves.
function toggleHealthy() {
  if (!CURRENT || VOLUME || !has(CURRENT, "healthy")) return;
  if (BEFORE_HEALTHY) {
    byId("over").value = BEFORE_HEALTHY.over;
    Object.assign(DISPLAY, BEFORE_HEALTHY.display);
    BEFORE_HEALTHY = null;
  } else {
    const {opacity, overlay} = DISPLAY;
    BEFORE_HEALTHY = {over: byId("over").value, display: {opacity, overlay}};
    byId("over").value = "healthy";
    Object.assign(DISPLAY, {opacity: 1, overlay: true});
  }
  sliders();
  drawOverlay();
}

function step(by) {
  const place = LIST.indexOf(CURRENT);
  const next = place < 0 ? undefined : LIST[place + by];
  if (next) location.replace(`#case=${next.index}`);
}

const SLIDERS = {opacity: 100, level: 100, width: 100, top: 100};

function sliders() {
  for (const name of Object.keys(SLIDERS)) {
    const slider = byId(name);
    slider.value = 100 * DISPLAY[name];
    const value = name === "top" ? topText()
      : `${Math.round(100 * DISPLAY[name])} %`;
    slider.parentElement.querySelector("output").textContent = value;
    slider.setAttribute("aria-valuetext", value);
  }
  paint();
}

function slid(name) {
  DISPLAY[name] = Number(byId(name).value) / 100;
  if (name === "opacity") BEFORE_HEALTHY = null;
  sliders();
  const over = document.querySelector("#panels .over");
  if (over) over.style.opacity = DISPLAY.opacity;
  if (VOLUME) paintVolume();
}

function resetDisplay() {
  Object.assign(DISPLAY, {level: 0.5, width: 1, opacity: 0.7, top: DATA.top, overlay: true});
  BEFORE_HEALTHY = null;
  if (byId("over").options.length) byId("over").selectedIndex = 0;
  sliders();
  drawOverlay();
}
