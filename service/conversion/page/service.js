/* The service as the page asks it: the public API that every other client uses, its answers and its problems. */

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

/** What went wrong, as sentences. */
export class Problem extends Error {
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
export function inputTypes() {
  everything ??= ask("formats").then(({ pairs }) => [...new Set(pairs.map((pair) => pair.input_type))].sort());
  return everything;
}

const becoming = new Map(); // extension or media type → promise of its outputs
/** What a file of this extension or media type can become. */
export function outputsOf(name) {
  if (!becoming.has(name)) {
    const path = name.split("/").map(encodeURIComponent).join("/");
    becoming.set(name, ask(`formats/${path}`).catch((problem) => {
      becoming.delete(name);
      throw problem;
    }));
  }
  return becoming.get(name);
}

/** Send a file, with the API key if there is one; `stage` hears (name, share) as it goes. Returns the promise of the answer, and `cancel`. */
export function convert(file, format, fields, key, stage) {
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
