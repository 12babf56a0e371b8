"use strict";
// Sorts, filters and searches the tables of this page, which are whole without it.

const FIRST_ROWS = 100; // shown at once of a long table
const FEW_ROWS = 20; // need no search

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function valueOf(cell, kind) {
  const text = cell.dataset.sort ?? cell.textContent.trim();
  if (kind !== "number") return text.toLowerCase();
  const number = Number(text.replaceAll(",", ""));
  return text === "" || Number.isNaN(number) ? null : number;
}

// What is not known comes last, in either direction.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

function enhance(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const wanted = new Map(); // column → the one value that is shown
  let order = rows;
  let limit = FIRST_ROWS;
  const search = make("input", { type: "search", autocomplete: "off", spellcheck: false });
  const told = make("output", {});
  const more = make("button", { type: "button", className: "more" });

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = order.filter(
      (row) =>
        words.every((word) => textOf(row).includes(word)) &&
        [...wanted].every(([column, value]) => row.cells[column].textContent.trim() === value),
    );
    body.replaceChildren(...found.slice(0, limit));
    more.hidden = found.length <= limit;
    more.textContent = `Show all ${found.length.toLocaleString("en")}`;
    told.textContent =
      `${Math.min(limit, found.length).toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows` +
      (found.length < rows.length ? `; ${found.length.toLocaleString("en")} match` : "");
  }

  function sort(column, kind) {
    const before = heads[column].getAttribute("aria-sort");
    const first = kind === "number" ? "descending" : "ascending";
    const other = kind === "number" ? "ascending" : "descending";
    const direction = before === first ? other : first;
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    order = rows
      .map((row) => [valueOf(row.cells[column], kind), row])
      .sort(([a], [b]) => compare(a, b, sign))
      .map(([, row]) => row);
    show();
  }

  heads.forEach((head, column) => {
    const kind = head.dataset.kind;
    if (kind.startsWith("none") || rows.length < 2) return;
    const button = make("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => sort(column, kind));
    head.replaceChildren(button);
  });
  if (rows.length <= FEW_ROWS) return;

  const label = table.caption.textContent;
  const tools = make("div", { className: "tools" }, make("label", {}, "Search", search));
  tools.setAttribute("role", "search");
  tools.setAttribute("aria-label", label);
  search.addEventListener("input", show);
  heads.forEach((head, column) => {
    if (!("filter" in head.dataset)) return;
    const values = [...new Set(rows.map((row) => row.cells[column].textContent.trim()))].sort();
    if (values.length < 2 || values.length > 200) return;
    const select = make("select", {}, new Option("all", ""));
    select.append(...values.map((value, index) => new Option(value || "–", String(index + 1))));
    select.addEventListener("change", () => {
      if (select.value) wanted.set(column, values[Number(select.value) - 1]);
      else wanted.delete(column);
      show();
    });
    const name = head.textContent;
    tools.append(make("label", {}, name.charAt(0).toUpperCase() + name.slice(1), select));
  });
  tools.append(told);
  more.addEventListener("click", () => {
    limit = rows.length;
    show();
  });
  table.parentElement.before(tools);
  table.parentElement.after(more);
  show();
}

function offerSchemes() {
  const names = ["system", "light", "dark"];
  const button = make("button", { type: "button" });
  let now = 0;
  const show = () => {
    document.documentElement.dataset.scheme = names[now];
    button.textContent = `Colors: ${names[now]}`;
  };
  button.addEventListener("click", () => {
    now = (now + 1) % names.length;
    show();
  });
  show();
  document.querySelector(".title").append(button);
}

function tellAge() {
  const written = Number(document.documentElement.dataset.asOf);
  const days = Math.floor((Date.now() / 1000 - written) / 86400);
  if (days < 1) return;
  const note = document.querySelector(".old");
  note.textContent =
    `This page is ${days.toLocaleString("en")} ${days === 1 ? "day" : "days"} old. ` +
    "What it says was so when it was written; the ages in it are those of then.";
  note.hidden = false;
}

offerSchemes();
tellAge();
for (const table of document.querySelectorAll("table")) enhance(table);
