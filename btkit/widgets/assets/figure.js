// anywidget gives a widget two seconds to be ready, and drops every later message to one that was
// not. Plotly's script is large; to read it takes long where much goes on. So this module, which
// is small, is ready at once, and plotly's is read after it: once a page instead of once a figure,
// and only when no further figure has come for a while, since reading holds up all others.
const QUIET_MS = 300;
const shared = (globalThis.btkitPlotly ??= { versions: new Map(), last: 0 });

async function read(text) {
  for (;;) {
    const left = shared.last + QUIET_MS - performance.now();
    if (left <= 0) break;
    await new Promise((resolve) => setTimeout(resolve, left));
  }
  return import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}

function plotly(model) {
  const version = model.get("_plotly_version");
  if (!shared.versions.has(version)) shared.versions.set(version, read(model.get("_plotly")));
  return shared.versions.get(version);
}

export default () => {
  let own;
  let made;
  return {
    initialize({ model }) {
      own = model;
      shared.last = performance.now();
    },
    async render({ model, el }) {
      made ??= plotly(own).then((module) => {
        const widget = module.default();
        widget.initialize({ model: own });
        return widget;
      });
      return (await made).render({ model, el });
    },
  };
};
