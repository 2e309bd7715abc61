// A plotly FigureWidget measures its box before it stands on the page, and afterwards listens to
// the window alone: neither a side bar that opens nor the first layout reaches it.
function render({ el }) {
  el.style.width = "100%";
  let width = 0;
  let asked = 0;
  const tell = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  };
  const watch = new ResizeObserver(([entry]) => {
    if (entry.contentRect.width === width) return;
    width = entry.contentRect.width;
    if (width) tell();
  });
  watch.observe(el);
  const drawn = ({ detail }) => {
    if (el.parentElement?.contains(detail.element)) tell();
  };
  document.addEventListener("plotlywidget-after-render", drawn);
  return () => {
    watch.disconnect();
    document.removeEventListener("plotlywidget-after-render", drawn);
  };
}

export default { render };
