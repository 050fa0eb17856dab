"use strict";
// The cases of cases.js, their pictures, and what is shown of them. A picture is painted by the SVG
// filters of the page: a page opened as a file may not read the pixels of another file.

const WORDS = DATA.words; // what the parts are called
const BITS = Object.fromEntries(DATA.parts.map((part, place) => [part, 1 << place]));
const SHOWN = DATA.shown; // the parts that any case has, and the input
const LABELS = {0: "healthy", 1: "diseased"};
const CASES = DATA.rows.map((row, index) => {
  const made = {index};
  DATA.columns.forEach((column, place) => { made[column] = row[place]; });
  return made;
});
const MARKS = new Map(DATA.marks); // index -> {seen, remark}

function byId(id) { return document.getElementById(id); }

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function has(item, part) { return Boolean(item.has & BITS[part]); }

function isVolume(item) { return has(item, "volume") || has(item, "volume_map"); }

// A subject may have several cases of new patients, whose names begin with it.
function title(item) {
  if (item.stem.startsWith(`${item.subject}_`)) return item.stem;
  return item.slice === null ? item.subject : `${item.subject}, slice ${item.slice}`;
}

// What is the same for all cases is not said of each.
const LABELLED = CASES.some((item) => item.label !== null);
const SECTIONS = [...new Set(CASES.map((item) => item.section))];

function facts(item) {
  return [
    `score ${item.score.toPrecision(3)}`,
    LABELLED ? LABELS[item.label] ?? "label unknown" : "",
    SECTIONS.length > 1 ? item.section.replace("_", " ") : "",
    isVolume(item) ? "volume" : "",
    item.more,
  ].filter(Boolean).join(" · ");
}

function marksOf(item) { return MARKS.get(item.index) ?? {seen: false, remark: ""}; }

function escaped(path) { return path.split("/").map(encodeURIComponent).join("/"); }

function address(item, part) {
  if (DATA.served) return `part/${item.index}/${part}`;
  if (part === "image") return DATA.inputs + escaped(item.stem + item.suffix);
  return `${DATA.pictures}${escaped(item.stem)}_${part}.png`;
}

function picture(item, part, lazy) {
  const image = made("img", {
    className: part, alt: `${WORDS[part]} of ${title(item)}`, decoding: "async",
    loading: lazy ? "lazy" : "eager", draggable: false,
  });
  image.addEventListener("error", () => image.replaceWith(none("cannot be read")));
  image.src = address(item, part);
  return image;
}

function none(why) { return made("span", {className: "none", textContent: why}); }

// One picture with its name. The maps of a model are drawn over the input's width and height; the
// first picture that is there gives their ratio to all of `family`.
function panel(item, part, family, lazy) {
  const frame = made("div", {className: "picture"});
  if (has(item, part)) {
    const image = picture(item, part, lazy);
    if (part === SHOWN.find((each) => has(item, each))) {
      image.addEventListener("load", () => {
        family.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
      });
    }
    frame.append(made("div", {className: "fitted"}, image));
  } else {
    frame.append(none(part === "image" ? "input not there" : "no picture"));
  }
  return made("figure", {className: part}, made("figcaption", {textContent: WORDS[part]}), frame);
}

// What is shown: shares of white, 0 to 1. `top` is the top of the difference's scale.
const DISPLAY = {level: 0.5, width: 1, opacity: 0.7, top: DATA.top, overlay: true};

function topText() {
  return DATA.white === null ? `${Math.round(100 * DISPLAY.top)} %`
    : (DATA.white * DISPLAY.top).toPrecision(2);
}

function paint() {
  const slope = 1 / DISPLAY.width, intercept = -(DISPLAY.level - DISPLAY.width / 2) * slope;
  for (const channel of byId("window").querySelectorAll("feFuncR, feFuncG, feFuncB")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", intercept);
  }
  const gain = 1 / DISPLAY.top, row = `${gain} 0 0 0 0 `;
  const matrix = (id) => byId(id).querySelector("feColorMatrix");
  matrix("heat").setAttribute("values", `${row.repeat(3)} 0 0 0 1 0`);
  matrix("heat-over").setAttribute("values", `${row.repeat(3)} ${2 * gain} 0 0 0 0`);
  for (const text of document.querySelectorAll(".scale .top")) {
    text.textContent = topText();
  }
}
