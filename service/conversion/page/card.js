/* One file on the page: what it can become, the options of that, its progress, and what came back.
   Nothing that came from a file goes into the document as markup. */

import { previewOf } from "./preview.js";
import { convert, inputTypes, outputsOf } from "./service.js";

let count = 0;

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

/** The card of one file. The page lends it `key()`, `say(text)`, `askForKey()`, `offered()` and `removed(card)`. */
export class Card {
  constructor(file, page) {
    this.file = file;
    this.page = page;
    this.outputs = [];
    this.from = null; // a media type, when a person had to say what the file is
    this.running = null;
    this.url = null;
    this.id = `file-${++count}`;
    this.root = document.querySelector("#card").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.part("name").textContent = file.name;
    this.part("size").textContent = sizeInWords(file.size);
    this.part("remove").setAttribute("aria-label", `Remove ${file.name}`);
    this.part("target").id = `${this.id}-target`;
    this.part("target-label").htmlFor = `${this.id}-target`;
    this.part("about").id = `${this.id}-about`;
    this.part("target").setAttribute("aria-describedby", `${this.id}-about`);
    this.part("remove").onclick = () => this.page.removed(this);
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
      const select = this.part("kind").querySelector("select");
      select.replaceChildren(new Option("Choose a type…", ""), ...types.map((type) => new Option(type, type)));
      select.id = `${this.id}-kind`;
      this.part("kind").querySelector("label").htmlFor = select.id;
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
    const programmed = choices(outputs.filter((each) => !each.requires_model));
    this.part("target").replaceChildren(new Option("Choose a format…", ""), ...programmed, ...(byModel.length ? [group] : []));
    this.part("ask").hidden = false;
    this.showOptions();
    this.page.offered();
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
    this.part("options").hidden = !chosen;
    this.part("about").textContent = "";
    if (!chosen) return;
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
    this.running = convert(this.file, format, this.fields(), this.page.key(), (name, share) => this.stage(name, share));
    if (focused) this.part("cancel").focus({ preventScroll: true });
    try {
      this.finish(await this.running.promise, format, (performance.now() - begun) / 1000);
    } catch (error) {
      if (error.name === "AbortError") this.page.say(`Cancelled: ${this.file.name}`);
      else this.fail(error);
    } finally {
      this.running = null;
      this.part("running").hidden = true;
      this.part("ask").hidden = false;
      if (focused && !this.needsKey) this.part(this.url ? "download" : "convert").focus({ preventScroll: true });
    }
  }

  stage(name, share) {
    const bar = this.root.querySelector("progress");
    const text = share === null || share >= 1 ? `${name}…` : `${name} ${Math.round(share * 100)} %`;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    bar.setAttribute("aria-label", `${name} ${this.file.name}`);
    if (!this.part("stage").textContent.startsWith(name)) this.page.say(`${name} ${this.file.name}`);
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
    this.page.say(`${made} is ready.${warnings.length ? ` ${warnings.join(". ")}.` : ""}`);
    const url = this.url;
    const shown = await previewOf(blob, type, url, made);
    if (shown && url === this.url) {
      const caption = this.part("preview").querySelector("figcaption");
      caption.textContent = shown.caption;
      this.part("preview").replaceChildren(caption, shown.element);
      this.part("preview").hidden = false;
    }
  }

  fail(problem) {
    this.needsKey = problem.status === 401;
    if (this.needsKey) this.page.askForKey();
    this.part("problem").textContent = problem.message;
    this.part("problem").hidden = false;
  }

  forgetResult() {
    this.needsKey = false;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.part("problem").hidden = true;
    this.part("result").hidden = true;
    this.part("preview").hidden = true;
  }
}
