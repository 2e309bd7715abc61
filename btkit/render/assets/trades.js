// The list of trades: sorts, filters, pages and downloads what stands in the JSON beside it.
(() => {
  "use strict";
  const FIRST = 25;
  const MINUS = "\u2212";
  const box = [...document.querySelectorAll(".bt-trades:not([data-ready])")].pop();
  if (!box) return;
  box.dataset.ready = "";
  const { columns, reasons, rows, file, cut } = JSON.parse(box.querySelector("[data-trades]").textContent);
  const at = Object.fromEntries(columns.map((column, index) => [column.key, index]));
  const find = (name) => box.querySelector(`[data-${name}]`);
  const [reason, result, search] = [find("reason"), find("result"), find("search")];
  const [counted, more, download] = [find("count"), find("more"), find("csv")];
  const heads = [...box.querySelectorAll("thead th")];
  const body = box.querySelector("tbody");
  const state = { column: null, descending: false, all: false };

  const number = (value, digits, sign) => {
    const text = Math.abs(value).toLocaleString("en-US", {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    });
    if (!/[1-9]/.test(text)) return text;
    return (value < 0 ? MINUS : sign ? "+" : "") + text;
  };
  const show = {
    date: (value) => value,
    text: (value) => value,
    reason: (value) => reasons[value] || value,
    price: (value) => number(value, Math.abs(value) < 10 ? 4 : 2),
    shares: (value) => number(value, Number.isInteger(value) ? 0 : 4),
    money: (value) => number(value, Math.abs(value) < 1000 ? 2 : 0, true),
    cost: (value) => number(value, Math.abs(value) < 1000 ? 2 : 0),
    percent: (value) => number(value * 100, 1, true),
    share: (value) => number(value * 100, 1),
    count: (value) => number(value, 0),
  };

  const matching = () => {
    const wanted = search.value.trim();
    return rows.filter((row) =>
      (!reason.value || row[at.exit_reason] === reason.value) &&
      (!result.value || (result.value === "won" ? row[at.pnl] > 0 : row[at.pnl] < 0)) &&
      (!wanted || row[at.entry_date].includes(wanted) || row[at.exit_date].includes(wanted)));
  };

  const sorted = (list) => {
    if (state.column === null) return list;
    const sign = state.descending ? -1 : 1;
    const index = state.column;
    // What is not known comes last, whichever way the rest is sorted.
    return [...list].sort((a, b) => (a[index] === null) - (b[index] === null) ||
      sign * (a[index] < b[index] ? -1 : a[index] > b[index] ? 1 : 0));
  };

  const cell = (value, column) => {
    const element = document.createElement("td");
    element.textContent = value === null ? "\u2013" : show[column.kind](value);
    if (!["date", "reason", "text"].includes(column.kind)) element.className = "num";
    if (column.key === "pnl" || column.key === "return_pct") {
      element.classList.add(value > 0 ? "bt-gain" : value < 0 ? "bt-loss" : "bt-faint");
    }
    return element;
  };

  const render = () => {
    const list = sorted(matching());
    const shown = state.all ? list : list.slice(0, FIRST);
    body.replaceChildren(...shown.map((row) => {
      const line = document.createElement("tr");
      line.append(...columns.map((column, index) => cell(row[index], column)));
      return line;
    }));
    const profit = list.reduce((sum, row) => sum + row[at.pnl], 0);
    counted.textContent =
      `${number(list.length, 0)} of ${number(rows.length, 0)} ${cut ? "shown here" : "trades"}, ` +
      `together ${show.money(profit).replace(/^([+\u2212]?)/, "$1$")}`;
    more.hidden = list.length <= FIRST;
    more.textContent = state.all ? `Show the first ${FIRST}` : `Show all ${number(list.length, 0)}`;
    heads.forEach((head, index) => head.setAttribute("aria-sort",
      index !== state.column ? "none" : state.descending ? "descending" : "ascending"));
  };

  heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () => {
    // A first click on a number asks for the largest; a third one goes back to the order of exit.
    const first = head.classList.contains("num");
    if (state.column !== index) Object.assign(state, { column: index, descending: first });
    else if (state.descending === first) state.descending = !first;
    else state.column = null;
    render();
  }));
  for (const control of [reason, result]) control.addEventListener("change", render);
  search.addEventListener("input", render);
  more.addEventListener("click", () => { state.all = !state.all; render(); });

  // As btkit.runs.spreadsheet has it: a text that a spreadsheet would run is marked as one.
  const RUNS = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const written = (value) => {
    if (typeof value !== "string") return value === null ? "" : String(value);
    const text = RUNS.test(value) && !NUMBER.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  download.addEventListener("click", () => {
    const head = columns.map((column) => column.key).join(",");
    const lines = sorted(matching()).map((row) => row.map(written).join(","));
    const blob = new Blob([[head, ...lines].join("\n") + "\n"], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  const whole = (now) => { state.all = now && rows.length <= 500; render(); };
  window.addEventListener("beforeprint", () => whole(true));
  window.addEventListener("afterprint", () => whole(false));
  render();
})();
