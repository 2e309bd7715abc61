// A table to sort, filter and select in. The kernel gives columns and rows, and is sent which
// rows are selected; all else happens here.
const text = (value) => (value === null || value === undefined ? "–" : String(value));

function render({ model, el }) {
  el.classList.add("bt");
  const root = document.createElement("div");
  root.className = "bt-runs";
  const filter = document.createElement("input");
  filter.type = "search";
  filter.placeholder = "Filter: words in any column";
  filter.setAttribute("aria-label", "Filter runs");
  const count = document.createElement("span");
  count.className = "bt-faint";
  const bar = document.createElement("div");
  bar.className = "bt-runs-bar";
  bar.append(filter, count);
  const scroll = document.createElement("div");
  scroll.className = "bt-scroll";
  const table = document.createElement("table");
  table.className = "bt-table";
  scroll.append(table);
  root.append(bar, scroll);
  el.append(root);

  let order = { key: null, down: true };

  const select = (id, on) => {
    const chosen = new Set(model.get("selected"));
    if (on) chosen.add(id);
    else chosen.delete(id);
    model.set("selected", [...chosen]);
    model.save_changes();
  };

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === null || a === undefined) return 1; // what has no value comes last either way
    if (b === null || b === undefined) return -1;
    const way = a < b ? -1 : 1;
    return order.down ? -way : way;
  };

  const draw = () => {
    const columns = model.get("columns");
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = model.get("rows").filter((row) => {
      const all = row.shown.join(" ").toLowerCase();
      return words.every((word) => all.includes(word));
    });
    if (order.key !== null) {
      rows = rows.slice().sort((a, b) => compare(a.values[order.key], b.values[order.key]));
    }
    const chosen = new Set(model.get("selected"));
    count.textContent = `${rows.length} of ${model.get("rows").length} runs, ${chosen.size} selected`;

    const head = document.createElement("tr");
    head.append(document.createElement("th"));
    columns.forEach((column, place) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      if (column.numeric) cell.className = "num";
      if (order.key === place) cell.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.name + (order.key === place ? (order.down ? " ▼" : " ▲") : "");
      button.onclick = () => {
        order = { key: place, down: order.key === place ? !order.down : column.numeric };
        draw();
        table.querySelectorAll("th button")[place].focus();
      };
      cell.append(button);
      head.append(cell);
    });
    const body = rows.map((row) => {
      const line = document.createElement("tr");
      if (chosen.has(row.id)) line.className = "bt-chosen";
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = chosen.has(row.id);
      box.setAttribute("aria-label", `Select ${row.shown.slice(0, 3).join(", ")}`);
      box.onchange = () => select(row.id, box.checked);
      const first = document.createElement("td");
      first.append(box);
      line.append(first);
      row.shown.forEach((value, place) => {
        const cell = document.createElement("td");
        if (columns[place].numeric) cell.className = "num";
        cell.textContent = text(value);
        line.append(cell);
      });
      line.onclick = (event) => {
        if (event.target !== box) select(row.id, !chosen.has(row.id));
      };
      return line;
    });
    const thead = document.createElement("thead");
    thead.append(head);
    const tbody = document.createElement("tbody");
    tbody.append(...body);
    table.replaceChildren(thead, tbody);
  };

  filter.oninput = draw;
  model.on("change:rows", draw);
  model.on("change:selected", draw);
  draw();
  return () => {
    model.off("change:rows", draw);
    model.off("change:selected", draw);
  };
}

export default { render };
