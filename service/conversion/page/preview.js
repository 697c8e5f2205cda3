/* A look at what was made: pictures, pages, tables and text. Text goes in as text, never as markup. */

const TEXT_BYTES = 64 * 1024;
const ROWS = 50;
const COLUMNS = 30;
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/svg+xml", "image/vnd.microsoft.icon"]);
const TEXTS = /^(text\/|application\/(json|.*\+json|xml|.*\+xml|yaml|toml|x-ndjson|x-sh|x-subrip|typescript))/;

/** An element to show and what it is, or nothing when there is no simple way to show this type. */
export async function previewOf(blob, type, url, name) {
  if (PICTURES.has(type)) return picture(url, name);
  if (type === "application/pdf" && navigator.pdfViewerEnabled) return pages(url, name);
  if (type === "text/csv" || type === "text/tab-separated-values") return table(await head(blob), type === "text/csv" ? "," : "\t", blob);
  if (TEXTS.test(type)) return text(await head(blob), blob);
  return null;
}

function head(blob) {
  return blob.slice(0, TEXT_BYTES).text();
}

async function picture(url, name) {
  const element = Object.assign(new Image(), { src: url, alt: `Preview of ${name}` });
  try {
    await element.decode();
  } catch {
    return null; // this browser does not show the format
  }
  const size = element.naturalWidth ? `, ${element.naturalWidth} × ${element.naturalHeight} pixels` : "";
  return { element, caption: `Preview${size}` };
}

/** The browser's own viewer, which runs no script of the document. */
function pages(url, name) {
  const element = Object.assign(document.createElement("iframe"), { src: `${url}#toolbar=0`, title: `Preview of ${name}` });
  return { element, caption: "Preview" };
}

function text(content, blob) {
  const element = document.createElement("pre");
  element.tabIndex = 0; // so that the keyboard can scroll it
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", "Preview of the text");
  element.textContent = content;
  return { element, caption: blob.size > TEXT_BYTES ? "The beginning" : "Preview" };
}

function table(content, delimiter, blob) {
  const cut = blob.size > TEXT_BYTES;
  const rows = parse(content, delimiter, ROWS + 2);
  if (cut && rows.length <= ROWS + 1) rows.pop(); // its end may be missing
  if (!rows.length) return null;
  const shown = rows.slice(0, ROWS + 1);
  const element = document.createElement("div");
  const grid = document.createElement("table");
  element.className = "scroll";
  element.tabIndex = 0;
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", "Preview of the table");
  shown.forEach((row, index) => {
    const line = grid.insertRow();
    for (const value of row.slice(0, COLUMNS)) {
      const cell = document.createElement(index ? "td" : "th");
      if (!index) cell.scope = "col";
      cell.textContent = value;
      line.append(cell);
    }
  });
  element.append(grid);
  const more = cut || rows.length > shown.length;
  const rest = shown[0].length > COLUMNS ? `, the first ${COLUMNS} of ${shown[0].length} columns` : "";
  return { element, caption: `${more ? `The first ${shown.length - 1} rows` : `${shown.length - 1} rows`}${rest}` };
}

/** The first rows of delimited text (RFC 4180). */
function parse(content, delimiter, limit) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < content.length && rows.length < limit; at++) {
    const letter = content[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (content[at + 1] === '"') cell += content[++at];
      else quoted = false;
    } else if (letter === '"' && cell === "") {
      quoted = true;
    } else if (letter === delimiter) {
      row.push(cell);
      cell = "";
    } else if (letter === "\n" || letter === "\r") {
      if (letter === "\r" && content[at + 1] === "\n") at++;
      rows.push([...row, cell]);
      row = [];
      cell = "";
    } else {
      cell += letter;
    }
  }
  if (cell || row.length) rows.push([...row, cell]);
  return rows;
}
