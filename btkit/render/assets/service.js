// The page of the service: operations as they stand, those under way as they go, and workers.
// Whatever the server says is set as text, never as HTML.
(() => {
  const PAGE = 50;
  const LOOK_MS = 3000;
  // A browser keeps six connections to one server; the rest of them is for everything else.
  const MOST_STREAMS = 4;
  const find = (id) => document.getElementById(id);
  const bodyOf = (id) => find(id).querySelector("tbody");
  const sentence = document.querySelector(".bt-sentence");
  const known = new Map();
  const rows = new Map();
  const streams = new Map();
  const outcomes = new Map();
  let older = null;
  let workers = 0;

  const STATES = {
    queued: ["○", "queued", "bt-faint"],
    running: ["▶", "running", ""],
    complete: ["✓", "complete", "bt-met"],
    failed: ["✕", "failed", "bt-missed"],
    cancelled: ["■", "cancelled", "bt-unsure"],
  };

  async function ask(path, options) {
    const answer = await fetch(path, options);
    if (answer.status === 401) location.reload();
    if (answer.status === 204) return null;
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${said.detail} ${said.hint}`);
    return said;
  }

  function make(tag, text = "", style = "") {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  const counted = (number) => number.toLocaleString("en-US");
  const many = (number, what) => `${counted(number)} ${what}${number === 1 ? "" : "s"}`;

  function lasting(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
  }

  function nameCell(one) {
    const cell = make("td", "", "bt-name");
    const name = one.symbol ? `${one.strategy_name} on ${one.symbol}` : one.strategy_name;
    if (one.status === "complete" && one.run_id) {
      const link = make("a", name);
      link.href = `/runs/${encodeURIComponent(one.run_id)}/page`;
      cell.append(link);
    } else {
      cell.append(name);
    }
    const range = one.start_date ? ` · ${one.start_date} to ${one.end_date}` : "";
    cell.append(make("div", `${one.kind}${range}`, "bt-under bt-one-line"));
    return cell;
  }

  // Facts break between each other, and sentences at no date.
  function inPieces(pieces, between = "") {
    const made = make("div", "", "bt-under");
    pieces.forEach((piece, place) => {
      if (place && between) made.append(between);
      made.append(piece);
    });
    return made;
  }

  const facing = (facts) => inPieces(facts.map((fact) => make("span", fact, "bt-one-line")), " · ");
  const sentenced = (text) => inPieces(text.split(/(\d{4}-\d{2}-\d{2})/).map((piece, place) =>
    place % 2 ? make("span", piece, "bt-one-line") : piece));

  const two = (number) => String(number).padStart(2, "0");

  // As the clock of whoever looks says it.
  function moment(text) {
    const at = new Date(text);
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    return [day, [two(at.getHours()), two(at.getMinutes()), two(at.getSeconds())].join(":")];
  }

  function askedCell(one) {
    const cell = make("td", "", "bt-asked");
    const [day, time] = moment(one.created_at);
    cell.append(make("span", `${day} ${time}`, "bt-one-line"));
    cell.title = one.started_at ? `${one.created_at}, started ${one.started_at}` : one.created_at;
    if (one.started_at) {
      const [began, clock] = moment(one.started_at);
      const said = began === day ? clock : `${began} ${clock}`;
      cell.append(make("div", `started ${said}`, "bt-under bt-one-line"));
    } else if (one.status !== "complete") {
      cell.append(make("div", "not started", "bt-under"));
    }
    return cell;
  }

  function stateCell(one) {
    const cell = make("td", "", one.error ? "bt-state bt-said" : "bt-state");
    const [sign, word, style] = STATES[one.status];
    const stops = one.cancel_requested && !one.done;
    cell.append(make("span", `${sign} ${stops ? "stopping" : word}`, style));
    if (one.error) {
      cell.append(sentenced(one.error.message), sentenced(one.error.hint));
    } else if (one.status === "queued" && !one.workers) {
      cell.append(make("div", "waits for workers: none is there", "bt-under"));
    }
    return cell;
  }

  const percent = (number) => `${(number * 100).toFixed(1).replace("-", "\u2212")} %`;
  const ratio = (number) => number.toFixed(2).replace("-", "\u2212");
  const VERDICTS = {
    pass: ["✓", "PASS", "bt-met"],
    fail: ["✕", "FAIL", "bt-missed"],
    too_few_trades: ["!", "TOO FEW TRADES", "bt-unsure"],
  };

  // What it came to stands where its progress stood.
  function outcomeCell(outcome) {
    const cell = make("td", "", "bt-far-cell");
    const [sign, word, style] = VERDICTS[outcome.verdict] ?? ["", "", ""];
    if (word) cell.append(make("span", `${sign} ${word}`, style));
    const facts = [];
    if (outcome.cagr !== null) facts.push(`${percent(outcome.cagr)} a year`);
    if (outcome.sharpe_ratio !== null) facts.push(`Sharpe ${ratio(outcome.sharpe_ratio)}`);
    if (outcome.max_drawdown_pct !== null) facts.push(`worst fall ${percent(outcome.max_drawdown_pct)}`);
    if (outcome.total_trades !== null) facts.push(many(outcome.total_trades, "trade"));
    cell.append(facing(facts));
    return cell;
  }

  function progressCell(one) {
    const outcome = outcomes.get(one.run_id);
    if (one.status === "complete" && outcome) return outcomeCell(outcome);
    const cell = make("td", "", "bt-far-cell");
    const { done, total, unit, fraction } = one.progress;
    if (fraction === null && done === null) {
      cell.append(make("span", "–", "bt-faint"));
      return cell;
    }
    if (fraction !== null) {
      const bar = make("progress");
      bar.max = 1;
      bar.value = fraction;
      bar.setAttribute("aria-label", `${Math.floor(fraction * 100)} %`);
      cell.append(bar, make("span", `${Math.floor(fraction * 100)} %`, "bt-far"));
    }
    const facts = [];
    if (done !== null && total) facts.push(`${counted(done)} of ${counted(total)} ${unit}`);
    if (one.rate && !one.done) facts.push(`${counted(Math.round(one.rate))} a second`);
    if (one.eta !== null) facts.push(`${lasting(one.eta)} left`);
    if (one.crashed) facts.push(`${counted(one.crashed)} given up`);
    if (facts.length) cell.append(facing(facts));
    return cell;
  }

  function took(one) {
    if (!one.started_at) return "–";
    const ends = one.completed_at ? Date.parse(one.completed_at) : Date.now();
    return lasting(Math.max(ends - Date.parse(one.started_at), 0) / 1000);
  }

  function button(words, about, act) {
    const made = make("button", words);
    made.type = "button";
    made.setAttribute("aria-label", `${words} ${about}`);
    made.addEventListener("click", async () => {
      made.disabled = true;
      try {
        await act();
      } catch (error) {
        sentence.textContent = error.message;
      }
      made.disabled = false;
      refresh();
    });
    return made;
  }

  function actionCell(one) {
    const cell = make("td", "", "bt-acts");
    const path = `/operations/${encodeURIComponent(one.operation_id)}`;
    if (!one.done) {
      if (!one.cancel_requested) {
        cell.append(button("Cancel", one.operation_id, () =>
          ask(`${path}/cancel`, { method: "POST" })));
      }
      return cell;
    }
    if (one.status !== "complete") {
      cell.append(button("Resume", one.operation_id, () => ask("/backtests/resume", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ operation_id: one.operation_id }),
      })));
    }
    cell.append(button("Forget", one.operation_id, async () => {
      await ask(path, { method: "DELETE" });
      known.delete(one.operation_id);
    }));
    return cell;
  }

  function rowOf(one) {
    const row = make("tr");
    row.append(nameCell(one), askedCell(one), stateCell(one), progressCell(one),
      make("td", took(one), "num bt-took"), actionCell(one));
    return row;
  }

  // Rows that stay as they are keep their place, and the focus of a button in them.
  function draw() {
    const body = bodyOf("operations");
    const listed = [...known.values()].sort((a, b) =>
      b.created_at.localeCompare(a.created_at) || 0);
    find("operations").hidden = !listed.length;
    find("no-operations").hidden = listed.length > 0;
    find("more").hidden = older === null;
    for (const [id, row] of rows) {
      if (!known.has(id)) {
        row.element.remove();
        rows.delete(id);
      }
    }
    listed.forEach((one, place) => {
      const written = JSON.stringify([one, took(one), outcomes.get(one.run_id)]);
      let row = rows.get(one.operation_id);
      if (!row || row.written !== written) {
        const element = rowOf(one);
        if (row) row.element.replaceWith(element);
        row = { element, written };
        rows.set(one.operation_id, row);
      }
      if (body.children[place] !== row.element) body.insertBefore(row.element, body.children[place] ?? null);
    });
    say(listed);
  }

  function say(listed) {
    const count = (status) => listed.filter((one) => one.status === status).length;
    const facts = [`${many(workers, "worker")} at hand`, `${counted(count("running"))} running`,
      `${counted(count("queued"))} queued`, `${counted(count("complete"))} complete`];
    if (count("failed")) facts.push(`${counted(count("failed"))} failed`);
    sentence.textContent = `${facts.join(", ")}.`;
  }

  function follow() {
    const going = [...known.values()].filter((one) => !one.done);
    for (const [id, stream] of streams) {
      if (!going.some((one) => one.operation_id === id)) {
        stream.close();
        streams.delete(id);
      }
    }
    going.sort((a, b) => (a.status === "running" ? 0 : 1) - (b.status === "running" ? 0 : 1));
    for (const one of going) {
      if (streams.size >= MOST_STREAMS) break;
      if (!streams.has(one.operation_id)) streams.set(one.operation_id, open(one.operation_id));
    }
  }

  function open(id) {
    const stream = new EventSource(`/operations/${encodeURIComponent(id)}/events`);
    stream.addEventListener("progress", (event) => {
      const one = known.get(id);
      if (!one) return;
      const said = JSON.parse(event.data);
      const left = said.rate && said.total ? (said.total - said.done) / said.rate : null;
      one.status = "running";
      one.rate = said.rate;
      one.eta = left;
      one.progress = { done: said.done, total: said.total, unit: said.unit,
        fraction: said.total ? Math.min(said.done / said.total, 1) : null };
      draw();
    });
    stream.addEventListener("done", (event) => {
      stream.close();
      streams.delete(id);
      if (known.has(id)) {
        known.set(id, { ...JSON.parse(event.data), result: null });
        draw();
        follow();
      }
    });
    return stream;
  }

  function drawWorkers(listed) {
    const body = bodyOf("workers");
    body.replaceChildren(...listed.map((one) => {
      const row = make("tr");
      const state = make("td", "", one.admitted ? "" : "bt-said");
      state.append(one.admitted ? make("span", "✓ at hand", "bt-met") : make("span", "✕ not at hand", "bt-missed"));
      if (one.reason) state.append(make("div", one.reason, "bt-under"));
      row.append(make("td", one.name, "bt-name"), make("td", one.host || "–"),
        make("td", counted(one.threads), "num"), make("td", counted(one.busy ?? 0), "num"), state);
      return row;
    }));
    find("workers").hidden = !listed.length;
    find("no-workers").hidden = listed.length > 0;
  }

  async function refresh() {
    try {
      const [page, crew] = await Promise.all([
        ask(`/operations?page_size=${PAGE}`), ask("/workers")]);
      if (!known.size) older = page.next_page_token;
      const fresh = new Set(page.operations.map((one) => one.operation_id));
      const oldest = page.operations.at(-1)?.created_at ?? "";
      for (const [id, one] of known) {
        // What is gone from the newest ones was forgotten, here or elsewhere.
        if (!fresh.has(id) && one.created_at > oldest) known.delete(id);
      }
      for (const one of page.operations) known.set(one.operation_id, one);
      await learn();
      workers = crew.count;
      drawWorkers(crew.workers);
      draw();
      follow();
    } catch (error) {
      sentence.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
    }
  }

  async function learn() {
    const news = [...known.values()].some((one) =>
      one.status === "complete" && !outcomes.has(one.run_id));
    if (!news) return;
    const stored = await ask(`/runs?status=complete&page_size=${2 * PAGE}`);
    for (const run of stored.runs) outcomes.set(run.run_id, run);
    for (const one of known.values()) {
      // What is not among the newest is not asked for again.
      if (one.status === "complete" && !outcomes.has(one.run_id)) outcomes.set(one.run_id, null);
    }
  }

  find("more").addEventListener("click", async () => {
    const page = await ask(`/operations?page_size=${PAGE}&page_token=${encodeURIComponent(older)}`);
    for (const one of page.operations) known.set(one.operation_id, one);
    older = page.next_page_token;
    draw();
  });

  find("sign-out")?.addEventListener("click", async () => {
    await ask("/session", { method: "DELETE" });
    location.reload();
  });

  async function keepLooking() {
    if (!document.hidden) await refresh();
    setTimeout(keepLooking, LOOK_MS);
  }
  keepLooking();
})();
