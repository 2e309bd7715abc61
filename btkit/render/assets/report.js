// Draws every figure of the page from the JSON beside it, and redraws when the reader's colour
// scheme, the width of the page or the printer asks for it. Needs plotly.js; loads nothing.
(() => {
  "use strict";
  const NARROW = 560;
  const STRATEGY = "#0072B2";
  const PAPER = 686; // pixels between the margins of an A4 page, see page.css
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const onPaper = window.matchMedia("print");
  let printing = false;

  const colours = () =>
    dark.matches && !printing && !onPaper.matches
      ? { ink: "#e6eaf0", soft: "#aab4c0", paper: "#1f262f", rule: "#3a434f", strategy: "#5cb3e6",
          ranked: [[0, "#575d6d"], [0.5, "#a59c74"], [1, "#fee838"]] } // theme.RANKED is for paper
      : { ink: "#1b2430", soft: "#566171", paper: "#ffffff", rule: "#c9d0d8" };

  // "annotations[0].text" -> ["annotations", "0", "text"]
  const steps = (path) => path.replace(/\[(\d+)\]/g, ".$1").split(".");

  const put = (target, path, value) => {
    const keys = steps(path);
    const last = keys.pop();
    let place = target;
    for (const key of keys) {
      if (place[key] === undefined) place[key] = {};
      place = place[key];
    }
    place[last] = value;
  };

  const layoutFor = (chart) => {
    const layout = JSON.parse(chart.layout);
    const tone = colours();
    layout.font.color = tone.soft;
    layout.hoverlabel = { ...layout.hoverlabel, bgcolor: tone.paper, bordercolor: tone.rule };
    layout.hoverlabel.font = { ...layout.hoverlabel.font, color: tone.ink };
    for (const note of layout.annotations || []) {
      // The strategy's blue is too dark for small letters on a dark ground.
      if (tone.strategy && note.font && note.font.color === STRATEGY) note.font.color = tone.strategy;
    }
    if (chart.narrow) {
      for (const [path, value] of Object.entries(chart.spec.narrow)) {
        if (!path.startsWith("data[")) put(layout, path, value);
      }
      layout.dragmode = false; // a finger on the chart scrolls the page
    }
    if (printing) layout.width = PAPER;
    return layout;
  };

  const dataFor = (chart) => {
    const tone = colours();
    const data = chart.data.map((trace) => ({ ...trace }));
    for (const trace of data) {
      if (trace.type === "heatmap") trace.textfont = { color: tone.ink };
      if (trace.type === "parcoords" && tone.ranked) trace.line = { ...trace.line, colorscale: tone.ranked };
      if (trace.type === "bar") trace.outsidetextfont = { color: tone.ink };
    }
    if (chart.narrow) {
      for (const [path, value] of Object.entries(chart.spec.narrow)) {
        if (path.startsWith("data[")) put({ data }, path, value);
      }
    }
    return data;
  };

  const draw = (chart) => {
    chart.narrow = (printing ? PAPER : chart.plot.clientWidth) < NARROW;
    return Plotly.react(chart.plot, dataFor(chart), layoutFor(chart), chart.spec.config);
  };

  // Long arrays stand once in the page; times and texts that an earlier trace has, once in a
  // figure: see _shared_* in export.py.
  const numbers = JSON.parse(document.getElementById("bt-numbers").textContent);
  const charts = [...document.querySelectorAll(".bt-chart")].map((element) => {
    const spec = JSON.parse(element.querySelector("script").textContent);
    for (const trace of spec.data) {
      for (const [key, value] of Object.entries(trace)) {
        if (value && value.in_page !== undefined) trace[key] = numbers[value.in_page];
      }
      if (trace.x && trace.x.as !== undefined) trace.x = spec.data[trace.x.as].x;
      if (trace.text && trace.text.of) trace.text = trace.text.of.map((at) => spec.texts[at]);
    }
    return {
      element,
      spec,
      data: spec.data,
      layout: JSON.stringify(spec.layout),
      plot: element.querySelector(".bt-plot"),
    };
  });

  const press = (chart, pressed) => {
    for (const button of chart.element.querySelectorAll(".bt-buttons button")) {
      button.setAttribute("aria-pressed", String(button === pressed));
    }
  };

  for (const chart of charts) {
    draw(chart);
    for (const button of chart.element.querySelectorAll(".bt-buttons button")) {
      button.addEventListener("click", () => {
        press(chart, button);
        Plotly.relayout(chart.plot, JSON.parse(button.dataset.relayout));
      });
    }
    new ResizeObserver(() => {
      if (!printing && chart.plot.clientWidth < NARROW !== chart.narrow) draw(chart);
    }).observe(chart.plot);
  }

  const redraw = () => charts.forEach(draw);
  const print = (now) => {
    if (printing === now) return;
    printing = now;
    redraw();
  };
  dark.addEventListener("change", redraw);
  onPaper.addEventListener("change", (event) => print(event.matches));
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));

  const toggle = document.querySelector(".bt-toggle");
  if (toggle) {
    toggle.addEventListener("click", () => {
      const shown = document.body.classList.toggle("bt-show-code");
      toggle.setAttribute("aria-pressed", String(shown));
      toggle.textContent = shown ? "Hide code" : "Show code";
    });
  }
  document.documentElement.dataset.drawn = String(charts.length);
})();
