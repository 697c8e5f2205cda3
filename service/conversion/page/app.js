/* The page: one card for each file, which asks the service what the file can become, sends it, and shows what came back.
   It talks to the same public API as everyone else, and puts nothing that came from a file into the document as markup. */

import { previewOf } from "./preview.js";

const AT_ONCE = 2; // conversions of "Convert all" that run together; the service queues the rest of the world's

const $ = (selector, root = document) => root.querySelector(selector);
const cards = new Map(); // list item → Card, in the order of the page
let key = "";

/* ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

function say(text) {
  $("#status").textContent = text;
}

function sizeInWords(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${units[power - 1]}`;
}

function titleOf(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** A problem document (RFC 9457) as sentences for people. */
function sentences(problem) {
  const parts = [problem.title, problem.detail].filter(Boolean).map((text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."));
  return parts.join(" ") || "The service answered in a way this page does not understand.";
}

/** The texts of a List of Strings and Display Strings (RFC 9651). */
function textsOf(header) {
  const texts = [];
  for (const [, display, text] of (header ?? "").matchAll(/(%?)"((?:[^"\\]|\\.)*)"/g)) {
    texts.push(display ? decodeURIComponent(text) : text.replace(/\\(.)/g, "$1"));
  }
  return texts;
}

/** The file's name in a Content-Disposition header (RFC 6266), or nothing. */
function nameIn(disposition) {
  const wide = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "");
  if (wide) return decodeURIComponent(wide[1]);
  return /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition ?? "")?.[1].replace(/\\(.)/g, "$1") ?? null;
}

/* ── the service ───────────────────────────────────────────────────────────────────────────────────────────────────── */

class Problem extends Error {
  constructor(status, problem) {
    super(sentences(problem));
    this.status = status;
    this.retryable = Boolean(problem.retryable);
  }
}

const UNREACHABLE = { title: "The service cannot be reached", detail: "Check the connection and try again", retryable: true };

async function ask(path) {
  let answer;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" } });
  } catch {
    throw new Problem(0, UNREACHABLE);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

let everything = null;
/** Every input type there is, for files whose name says nothing: [type, …], asked for once. */
function inputTypes() {
  everything ??= ask("formats").then(({ pairs }) => [...new Set(pairs.map((pair) => pair.input_type))].sort());
  return everything;
}

const becoming = new Map(); // extension or media type → promise of its outputs
function outputsOf(name) {
  if (!becoming.has(name)) {
    const path = name.split("/").map(encodeURIComponent).join("/");
    becoming.set(name, ask(`formats/${path}`).catch((problem) => {
      becoming.delete(name);
      throw problem;
    }));
  }
  return becoming.get(name);
}

/** Send a file; `stage` hears (name, share) as it goes. The promise of the answer has the request as `.request`. */
function convert(file, format, fields, stage) {
  const request = new XMLHttpRequest();
  const promise = new Promise((resolve, reject) => {
    const query = new URLSearchParams(fields).toString();
    request.open("POST", `convert/${encodeURIComponent(format)}${query ? `?${query}` : ""}`);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.responseType = "blob";
    request.upload.onprogress = (event) => stage("Uploading", event.lengthComputable ? event.loaded / event.total : null);
    request.upload.onload = () => stage("Converting", null);
    request.onprogress = (event) => stage("Downloading", event.lengthComputable ? event.loaded / event.total : null);
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onerror = () => reject(new Problem(0, UNREACHABLE));
    request.onload = async () => {
      if (request.status === 200) {
        resolve({
          blob: request.response,
          type: (request.getResponseHeader("Content-Type") ?? "").split(";")[0].trim(),
          name: nameIn(request.getResponseHeader("Content-Disposition")),
          warnings: textsOf(request.getResponseHeader("Recast-Warnings")),
        });
      } else {
        reject(new Problem(request.status, await request.response.text().then(JSON.parse).catch(() => ({}))));
      }
    };
    const form = new FormData();
    form.append("file", file, file.name);
    stage("Uploading", 0);
    request.send(form);
  });
  return { promise, cancel: () => request.abort() };
}

/* ── one file ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

let count = 0;

class Card {
  constructor(file) {
    this.file = file;
    this.outputs = [];
    this.from = null; // a media type, when a person had to say what the file is
    this.running = null;
    this.url = null;
    this.id = `file-${++count}`;
    this.root = $("#card").content.firstElementChild.cloneNode(true);
    this.part = (name) => $(`.${name}`, this.root);
    this.part("name").textContent = file.name;
    this.part("size").textContent = sizeInWords(file.size);
    this.part("remove").setAttribute("aria-label", `Remove ${file.name}`);
    this.part("target").id = `${this.id}-target`;
    this.part("target-label").htmlFor = `${this.id}-target`;
    this.part("remove").onclick = () => remove(this);
    this.part("cancel").onclick = () => this.running?.cancel();
    this.part("target").onchange = () => this.showOptions();
    this.part("ask").onsubmit = (event) => {
      event.preventDefault();
      this.start();
    };
  }

  /** Ask what the file can become: by its extension, else by the type the browser found. */
  async identify() {
    const extension = /\.([^.]+)$/.exec(this.file.name)?.[1];
    const names = [this.from ?? extension, this.file.type].filter(Boolean);
    for (const name of names) {
      try {
        const { outputs } = await outputsOf(name.toLowerCase());
        if (outputs.length) return this.offer(outputs);
      } catch (problem) {
        if (problem.status !== 400 && problem.status !== 404) return this.fail(problem);
      }
    }
    return this.askWhatItIs();
  }

  async askWhatItIs() {
    try {
      const types = await inputTypes();
      const select = $("select", this.part("kind"));
      select.replaceChildren(new Option("Choose a type…", ""), ...types.map((type) => new Option(type, type)));
      select.id = `${this.id}-kind`;
      $("label", this.part("kind")).htmlFor = select.id;
      select.onchange = () => {
        this.from = select.value || null;
        if (this.from) this.identify();
      };
      this.part("kind").hidden = false;
    } catch (problem) {
      this.fail(problem);
    }
  }

  offer(outputs) {
    this.outputs = outputs;
    const choices = (some) => some.map((each) => new Option(each.output_format, each.output_format));
    const byModel = outputs.filter((each) => each.requires_model);
    const group = Object.assign(document.createElement("optgroup"), { label: "With a language model" });
    group.append(...choices(byModel));
    this.part("target").replaceChildren(...choices(outputs.filter((each) => !each.requires_model)), ...(byModel.length ? [group] : []));
    this.part("ask").hidden = false;
    this.showOptions();
    showTogether();
  }

  chosen() {
    return this.outputs.find((each) => each.output_format === this.part("target").value);
  }

  /** The formats that a program makes, with no model. */
  programmed() {
    return this.outputs.filter((each) => !each.requires_model).map((each) => each.output_format);
  }

  can(format) {
    return this.programmed().includes(format);
  }

  choose(format) {
    if (!this.can(format)) return;
    this.part("target").value = format;
    this.showOptions();
  }

  showOptions() {
    const chosen = this.chosen();
    const promise = { exact: "Every value is kept.", content: "The content is kept; the look may change.", layout: "The look is kept." };
    this.part("about").textContent = promise[chosen.fidelity] ?? "";
    const fields = Object.entries(chosen.options).map(([name, option]) => this.field(name, option));
    fields.push(this.field("instructions", {
      type: "text",
      default: "",
      description: "Anything else, in your own words. Needs a service with a language model.",
    }));
    this.part("fields").replaceChildren(...fields);
  }

  field(name, option) {
    const box = document.createElement("div");
    const label = document.createElement("label");
    const hint = document.createElement("p");
    const input = inputFor(option);
    input.id = `${this.id}-${name}`;
    input.name = name;
    label.htmlFor = input.id;
    label.textContent = titleOf(name);
    hint.id = `${input.id}-hint`;
    hint.className = "hint";
    hint.textContent = option.description;
    input.setAttribute("aria-describedby", hint.id);
    box.className = option.type === "boolean" ? "field check" : option.type === "text" ? "field wide" : "field";
    box.append(...(option.type === "boolean" ? [input, label, hint] : [label, input, hint]));
    return box;
  }

  /** What differs from the defaults, as the API takes it. */
  fields() {
    const fields = this.from ? { from: this.from } : {};
    const options = { ...this.chosen().options, instructions: { default: "" } };
    for (const input of this.part("fields").querySelectorAll("input, select, textarea")) {
      const value = input.type === "checkbox" ? String(input.checked) : input.value.trim();
      if (value !== "" && value !== String(options[input.name].default)) fields[input.name] = value;
    }
    return fields;
  }

  async start() {
    if (this.running || !this.chosen()) return;
    this.forgetResult();
    const format = this.chosen().output_format;
    const focused = this.root.contains(document.activeElement); // then the focus goes on to what comes next
    this.part("ask").hidden = true;
    this.part("running").hidden = false;
    const begun = performance.now();
    this.running = convert(this.file, format, this.fields(), (name, share) => this.stage(name, share));
    if (focused) this.part("cancel").focus({ preventScroll: true });
    try {
      this.finish(await this.running.promise, format, (performance.now() - begun) / 1000);
    } catch (error) {
      if (error.name === "AbortError") say(`Cancelled: ${this.file.name}`);
      else this.fail(error);
    } finally {
      this.running = null;
      this.part("running").hidden = true;
      this.part("ask").hidden = false;
      if (focused && $("#key").hidden) this.part(this.url ? "download" : "convert").focus({ preventScroll: true });
    }
  }

  stage(name, share) {
    const bar = $("progress", this.root);
    const text = share === null || share >= 1 ? `${name}…` : `${name} ${Math.round(share * 100)} %`;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    bar.setAttribute("aria-label", `${name} ${this.file.name}`);
    if (!this.part("stage").textContent.startsWith(name)) say(`${name} ${this.file.name}`);
    this.part("stage").textContent = text;
  }

  async finish({ blob, type, name, warnings }, format, seconds) {
    const made = name ?? `${this.file.name.replace(/\.[^.]*$/, "")}.${format}`;
    this.url = URL.createObjectURL(blob);
    this.part("done").textContent = `${made} is ready.`;
    this.part("made").textContent = `${sizeInWords(blob.size)}, in ${seconds.toPrecision(2)} seconds`;
    this.part("download").href = this.url;
    this.part("download").download = made;
    this.part("download").setAttribute("aria-label", `Download ${made}`);
    this.part("warnings").replaceChildren(...warnings.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    this.part("warnings").hidden = !warnings.length;
    this.part("result").hidden = false;
    say(`${made} is ready.${warnings.length ? ` ${warnings.join(". ")}.` : ""}`);
    const url = this.url;
    const shown = await previewOf(blob, type, url, made);
    if (shown && url === this.url) {
      this.part("preview").replaceChildren($("figcaption", this.root), shown.element);
      $("figcaption", this.root).textContent = shown.caption;
      this.part("preview").hidden = false;
    }
  }

  fail(problem) {
    if (problem.status === 401) {
      $("#key").hidden = false;
      $("#key-value").focus();
    }
    this.part("problem").textContent = problem.message;
    this.part("problem").hidden = false;
  }

  forgetResult() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.part("problem").hidden = true;
    this.part("result").hidden = true;
    this.part("preview").hidden = true;
  }
}

function inputFor(option) {
  if (option.type === "choice") {
    const select = document.createElement("select");
    select.append(...option.choices.map((choice) => new Option(choice, choice, choice === option.default, choice === option.default)));
    return select;
  }
  if (option.type === "text") return document.createElement("textarea");
  const input = document.createElement("input");
  if (option.type === "boolean") {
    input.type = "checkbox";
    input.checked = option.default;
  } else if (option.type === "string") {
    input.type = "text";
    input.value = option.default;
    if (option.max_length != null) input.maxLength = option.max_length;
  } else {
    input.type = "number";
    input.value = option.default;
    input.step = option.type === "integer" ? "1" : "any";
    if (option.minimum != null) input.min = option.minimum;
    if (option.maximum != null) input.max = option.maximum;
  }
  return input;
}

/* ── all files ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

function add(files) {
  const added = [...files].filter((file) => file.size || file.type); // a folder has neither
  for (const file of added) {
    const card = new Card(file);
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
  select.replaceChildren(...(shared.length ? shared : ["its own choice"]).map((format) => new Option(format, shared.length ? format : "")));
  if (shared.includes(before)) select.value = before;
  $("#together").hidden = offered.length < 2;
}

async function convertAll() {
  const waiting = [...cards.values()].filter((card) => card.outputs.length && !card.running);
  const worker = async () => {
    for (let card = waiting.shift(); card; card = waiting.shift()) {
      if ($("#all-format").value) card.choose($("#all-format").value);
      await card.start();
    }
  };
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
