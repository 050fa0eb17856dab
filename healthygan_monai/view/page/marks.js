"use strict";
// Seen marks and remarks: sent to the viewer one after the other, which writes them to a file.

const UNSAVED = new Map(); // index -> marks that are not in the file yet
let SENDING = Promise.resolve();
let TIMER = 0;

function showMarks(item) {
  const {seen, remark} = marksOf(item);
  byId("seen").checked = seen;
  byId("remark").value = remark;
  if (!UNSAVED.size) say("");
}

function say(text, failed = false) {
  byId("saved").textContent = text;
  byId("saved").classList.toggle("failed", failed);
}

// Take what stands in the fields; save it if it differs from what is known.
function keepMarks() {
  clearTimeout(TIMER);
  if (!CURRENT) return;
  const before = marksOf(CURRENT);
  const now = {seen: byId("seen").checked, remark: byId("remark").value.trim()};
  if (before.seen === now.seen && before.remark === now.remark) return;
  MARKS.set(CURRENT.index, now);
  UNSAVED.set(CURRENT.index, now);
  say("Saving …");
  SENDING = SENDING.then(sendAll);
}

async function sendAll() {
  for (const [index, marks] of [...UNSAVED]) {
    try {
      const answer = await fetch("mark", {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({index, ...marks}),
      });
      if (!answer.ok) throw new Error(await answer.text());
      if (UNSAVED.get(index) === marks) UNSAVED.delete(index);
    } catch (error) {
      const why = error instanceof TypeError ? "the viewer has ended; copy your remark, start it again" : error.message;
      say(`Not saved: ${why}`, true);
      return;
    }
  }
  say(`Saved to ${DATA.review}`);
}

function toggleSeen() {
  byId("seen").checked = !byId("seen").checked;
  keepMarks();
}

function writing() {
  clearTimeout(TIMER);
  TIMER = setTimeout(keepMarks, 600);
}

window.addEventListener("beforeunload", (event) => {
  keepMarks();
  if (UNSAVED.size) event.preventDefault();
});
