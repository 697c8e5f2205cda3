/* The page: files come in by choice, drop or paste, and each gets a card; several can be converted together. */

import { Card } from "./card.js";

const AT_ONCE = 2; // conversions of "Convert all" that run together; the service queues the rest of the world's

const $ = (selector, root = document) => root.querySelector(selector);
const cards = new Map(); // list item → Card, in the order of the page
let key = "";

function say(text) {
  $("#status").textContent = text;
}

const page = {
  key: () => key,
  say,
  removed: remove,
  offered: showTogether,
  askForKey() {
    $("#key").hidden = false;
    $("#key-value").focus();
  },
};

function add(files) {
  const added = [...files].filter((file) => file.size || file.type); // a folder has neither
  for (const file of added) {
    const card = new Card(file, page);
    cards.set(card.root, card);
    $("#list").append(card.root);
    card.identify();
  }
  $("#work").hidden = !cards.size;
  if (added.length) say(`${added.length === 1 ? added[0].name : `${added.length} files`} added.`);
}

function remove(card) {
  const next = card.root.nextElementSibling ?? card.root.previousElementSibling;
  card.running?.cancel();
  card.forgetResult();
  cards.delete(card.root);
  card.root.remove();
  $("#work").hidden = !cards.size;
  showTogether();
  (next ? $(".remove", next) : $("#files")).focus();
  say(`${card.file.name} removed.`);
}

/** Offer what all files can become, when there are several. */
function showTogether() {
  const offered = [...cards.values()].filter((card) => card.outputs.length);
  const shared = offered.length > 1 ? offered[0].programmed().filter((format) => offered.every((card) => card.can(format))) : [];
  const select = $("#all-format");
  const before = select.value;
  select.replaceChildren(...(shared.length ? shared : ["as chosen for each"]).map((format) => new Option(format, shared.length ? format : "")));
  if (shared.includes(before)) select.value = before;
  $("#together").hidden = offered.length < 2;
}

async function convertAll() {
  const format = $("#all-format").value;
  for (const card of cards.values()) card.choose(format);
  const waiting = [...cards.values()].filter((card) => card.chosen() && !card.running);
  const worker = async () => {
    for (let card = waiting.shift(); card; card = waiting.shift()) await card.start();
  };
  if (!waiting.length) say("Choose a format for each file first.");
  $("#all-convert").disabled = true;
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  $("#all-convert").disabled = false;
}

$("#files").onchange = (event) => {
  add(event.target.files);
  event.target.value = "";
};
$("#clear").onclick = () => [...cards.values()].forEach(remove);
$("#all-convert").onclick = convertAll;
$("#key").onsubmit = (event) => {
  event.preventDefault();
  key = $("#key-value").value.trim();
  $("#key").hidden = true;
  say("The key will be used from now on.");
};

addEventListener("dragover", (event) => {
  event.preventDefault();
  $("#drop").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("#drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  $("#drop").classList.remove("over");
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files);
});

$("#origin").textContent = new URL("convert/xlsx", location.href);
