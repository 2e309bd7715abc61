// Expressions to type in. The kernel is sent the texts at every key, and answers with what is
// wrong; names are completed here, without asking it.
const WORD = /[A-Za-z_{][A-Za-z0-9_{}]*$/;
const KEYWORDS = new Set(["and", "or", "not", "in", "is", "if", "else", "True", "False", "None"]);
const MOST = 8;

const make = (kind, className, text) => {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
};

// The list of names beneath the cursor; one for all inputs of a widget.
function completer(known) {
  const list = make("ul", "bt-names");
  list.setAttribute("role", "listbox");
  if ("popover" in list) list.popover = "manual"; // above everything, whatever clips its parents
  const pen = document.createElement("canvas").getContext("2d");
  let input = null;
  let found = [];
  let active = -1;

  const wordBefore = () => {
    const match = WORD.exec(input.value.slice(0, input.selectionStart));
    return match ? match[0] : "";
  };
  const search = (word) => {
    if (!word || KEYWORDS.has(word)) return [];
    const bare = word.replace(/^(prev_)+/, "");
    const lead = word.slice(0, word.length - bare.length);
    if (!bare || known().some(([name]) => name === word || name === bare)) return [];
    const begins = known().filter(([name]) => name.startsWith(bare));
    const holds = known().filter(([name]) => bare.length > 1 && !name.startsWith(bare) && name.includes(bare));
    return [...begins, ...holds].slice(0, MOST).map(([name, meaning]) => [lead + name, meaning]);
  };
  const close = () => {
    found = [];
    active = -1;
    if (input) input.setAttribute("aria-expanded", "false");
    if (list.matches("[popover]") && list.matches(":popover-open")) list.hidePopover();
    list.hidden = true;
  };
  const choose = (place) => {
    active = place;
    [...list.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === place)));
  };
  const accept = (place) => {
    const end = input.selectionStart;
    const start = end - wordBefore().length;
    input.setRangeText(found[place][0], start, end, "end");
    close();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const open = () => {
    found = search(wordBefore());
    if (!found.length) return close();
    active = -1;
    list.replaceChildren(
      ...found.map(([name, meaning], place) => {
        const line = make("li");
        line.setAttribute("role", "option");
        line.append(make("code", "", name), make("span", "", meaning));
        if (place === 0) line.append(make("kbd", "", "Tab"));
        line.onmousedown = (event) => {
          event.preventDefault(); // the input keeps the focus
          accept(place);
        };
        return line;
      }),
    );
    list.hidden = false;
    if (list.matches("[popover]") && !list.matches(":popover-open")) list.showPopover();
    const box = input.getBoundingClientRect();
    pen.font = getComputedStyle(input).font;
    const before = input.value.slice(0, input.selectionStart - wordBefore().length);
    const left = box.left + 8 + pen.measureText(before).width - input.scrollLeft;
    list.style.left = `${Math.max(4, Math.min(left, innerWidth - list.offsetWidth - 8))}px`;
    const below = box.bottom + 2;
    const fits = below + list.offsetHeight < innerHeight;
    list.style.top = `${fits ? below : box.top - list.offsetHeight - 2}px`;
    input.setAttribute("aria-expanded", "true");
  };
  const key = (event) => {
    if (!found.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((active + step + found.length) % found.length);
    else if (event.key === "Tab" && !event.shiftKey) accept(Math.max(active, 0));
    else if (event.key === "Enter" && active >= 0) accept(active);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    return true;
  };
  return { list, key, close, open: (at) => ((input = at), open()) };
}

function render({ model, el }) {
  el.classList.add("bt", "bt-expressions");
  const single = model.get("single");
  const names = completer(() => model.get("words"));
  const heading = make("div", "bt-edit-heading");
  const lines = make("div");
  const problem = make("div");
  let rows = [];

  const send = () => {
    // A new row that is still empty is no condition yet.
    rows.forEach((row) => (row.known = row.known || Boolean(row.input.value.trim())));
    model.set("texts", rows.filter((row) => row.known).map((row) => row.input.value));
    model.save_changes();
  };
  const button = (sign, label, work) => {
    const made = make("button", "bt-small", sign);
    made.type = "button";
    made.title = label;
    made.setAttribute("aria-label", label);
    made.onclick = work;
    return made;
  };
  const place = () => {
    lines.replaceChildren(...rows.map((row) => row.root));
    rows.forEach((row, at) => {
      row.input.setAttribute("aria-label", single ? model.get("title") : `${model.get("title")}, condition ${at + 1}`);
      if (row.up) row.up.disabled = at === 0;
      if (row.down) row.down.disabled = at === rows.length - 1;
    });
    mark();
  };
  const move = (row, by) => {
    const at = rows.indexOf(row);
    if (at + by < 0 || at + by >= rows.length) return;
    rows.splice(at, 1);
    rows.splice(at + by, 0, row);
    place();
    row.input.focus();
    send();
  };
  const add = (text, known) => {
    const row = { root: make("div", "bt-expression"), known };
    const line = make("div", "bt-expression-line");
    row.input = make("input");
    row.input.type = "text";
    row.input.spellcheck = false;
    row.input.autocomplete = "off";
    row.input.placeholder = single ? "" : "such as close > sma_50";
    row.input.setAttribute("role", "combobox");
    row.input.value = text;
    row.wrong = make("div");
    row.input.oninput = () => {
      names.open(row.input);
      send();
    };
    row.input.onblur = names.close;
    row.input.onkeydown = (event) => {
      event.stopPropagation(); // these keys are not the notebook's
      if (names.key(event) || single || !event.altKey) return;
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (by) {
        event.preventDefault();
        move(row, by);
      }
    };
    line.append(row.input);
    if (!single) {
      row.up = button("↑", "Move up (Alt+↑)", () => move(row, -1));
      row.down = button("↓", "Move down (Alt+↓)", () => move(row, 1));
      const remove = button("✕", "Remove", () => {
        rows = rows.filter((other) => other !== row);
        place();
        send();
      });
      line.append(row.up, row.down, remove);
    }
    row.root.append(line, row.wrong);
    rows.push(row);
    return row;
  };
  // The problems' markup comes from the kernel, which escapes what was typed.
  const mark = () => {
    const wrong = [...model.get("problems")];
    rows.forEach((row) => {
      const said = (row.known && wrong.shift()) || "";
      row.wrong.innerHTML = said;
      row.root.classList.toggle("bt-edit-wrong", Boolean(said));
      row.input.setAttribute("aria-invalid", String(Boolean(said)));
    });
    problem.innerHTML = model.get("problem");
  };
  const draw = () => {
    const texts = model.get("texts");
    const drafts = rows.filter((row) => !row.known);
    rows = rows.filter((row) => row.known).slice(0, texts.length);
    texts.forEach((text, at) => {
      if (at >= rows.length) add(text, true);
      else if (rows[at].input.value !== text) rows[at].input.value = text;
    });
    rows.push(...drafts);
    place();
  };
  const onTexts = () => {
    const shown = rows.filter((row) => row.known).map((row) => row.input.value);
    if (JSON.stringify(shown) !== JSON.stringify(model.get("texts"))) draw();
  };

  if (single) {
    lines.classList.add("bt-expression-single");
  } else {
    const more = button("+ Add", `Add a condition to “${model.get("title")}”`, () => {
      const row = rows.find((other) => !other.known) || add("", false);
      place();
      row.input.focus();
    });
    more.classList.add("bt-add");
    heading.append(make("span", "", model.get("title")), make("small", "", model.get("note")), more);
    el.append(heading);
  }
  el.append(lines, problem, names.list);
  names.close();
  draw();
  model.on("change:texts", onTexts);
  model.on("change:problems", mark);
  model.on("change:problem", mark);
  return () => {
    model.off("change:texts", onTexts);
    model.off("change:problems", mark);
    model.off("change:problem", mark);
  };
}

export default { render };
