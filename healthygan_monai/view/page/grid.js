"use strict";
// All cases: filter, order, pages of cards.

const PER_PAGE = 60;
let LIST = [];
let PAGE = 0;

function listed() {
  const section = byId("section").value, subject = byId("subject").value.trim().toLowerCase();
  const marks = byId("marks")?.value ?? "", sign = Number(byId("order").value);
  const fits = (item) => (!section || item.section === section)
    && (!subject || item.subject.toLowerCase().includes(subject))
    && (!marks || (marks === "remark" ? marksOf(item).remark !== ""
      : marksOf(item).seen === (marks === "seen")));
  return CASES.filter(fits).sort((a, b) => sign * (a.score - b.score) || a.index - b.index);
}

function filterCases() {
  LIST = listed();
  showPage(0);
}

function pages() { return Math.max(1, Math.ceil(LIST.length / PER_PAGE)); }

function showPage(page) {
  PAGE = Math.min(Math.max(page, 0), pages() - 1);
  const cards = LIST.slice(PAGE * PER_PAGE, (PAGE + 1) * PER_PAGE).map(card);
  byId("cards").replaceChildren(...cards);
  if (!cards.length) byId("cards").append(made("p", {textContent: "No case fits the filter."}));
  const seen = CASES.filter((item) => marksOf(item).seen).length;
  byId("count").textContent = `${LIST.length} of ${CASES.length} cases`
    + (DATA.served ? `, ${seen} seen` : "");
  document.querySelectorAll(".pager").forEach(drawPager);
}

function card(item) {
  const {seen, remark} = marksOf(item);
  const parts = made("div", {className: "parts"});
  parts.append(...SHOWN.map((part) => panel(item, part, parts, true)));
  const head = made("p", {title: item.stem}, made("b", {textContent: title(item)}), made("br"),
    made("small", {textContent: facts(item) + (seen ? " · seen" : "")}));
  const link = made("a", {className: seen ? "card seen" : "card", href: `#case=${item.index}`}, head);
  if (remark) link.append(made("p", {className: "remark", textContent: remark}));
  if (SHOWN.some((part) => has(item, part))) link.append(parts);
  else link.append(none(isVolume(item) ? "Open it to see the volume." : "No pictures of this case."));
  return link;
}

function drawPager(pager) {
  const button = (text, page, usable) => {
    const drawn = made("button", {type: "button", textContent: text, disabled: !usable});
    drawn.addEventListener("click", () => { showPage(page); window.scrollTo(0, 0); });
    return drawn;
  };
  pager.replaceChildren(
    button("Previous page", PAGE - 1, PAGE > 0),
    made("span", {textContent: `page ${PAGE + 1} of ${pages()}`}),
    button("Next page", PAGE + 1, PAGE + 1 < pages()),
  );
}

// Move the focus by one card, over the ends of a page.
function moveCard(step) {
  const cards = [...document.querySelectorAll(".card")];
  const now = cards.indexOf(document.activeElement);
  let next = now < 0 ? (step > 0 ? 0 : cards.length - 1) : now + step;
  if (next >= cards.length && PAGE + 1 < pages()) {
    showPage(PAGE + 1);
    next = 0;
  } else if (next < 0 && PAGE > 0) {
    showPage(PAGE - 1);
    next = PER_PAGE - 1;
  }
  const found = document.querySelectorAll(".card")[next];
  if (found) {
    found.focus();
    found.scrollIntoView({block: "nearest"});
  }
}

function focusCard(item) {
  const place = LIST.indexOf(item);
  if (place < 0) return;
  showPage(Math.floor(place / PER_PAGE));
  document.querySelectorAll(".card")[place % PER_PAGE]?.focus();
}
