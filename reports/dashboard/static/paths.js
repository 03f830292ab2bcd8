// Draws the map of attack paths from the two tables of the page; without this file the tables say the same.
"use strict";
(() => {
  const drawing = document.getElementById("map-drawing");
  const places = [...document.querySelectorAll("#map-places tbody tr")];
  const hops = [...document.querySelectorAll("#map-hops tbody tr")];
  if (!drawing || !window.cytoscape || places.length < 2) return;

  const nodes = places.map((row) => ({
    data: { id: row.dataset.id, name: row.dataset.name, kind: row.dataset.kind, page: row.querySelector("a")?.getAttribute("href") || "" },
  }));
  const edges = hops.map((row, at) => ({
    data: { id: "hop-" + at, source: row.dataset.source, target: row.dataset.target, state: row.dataset.state, page: row.dataset.path },
  }));

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const look = () => [
    { selector: "node", style: {
      label: "data(name)", shape: "round-rectangle", width: "label", height: 26, padding: "6px", "font-size": 13,
      "text-valign": "center", "text-max-width": "150px", "text-wrap": "wrap", "background-color": colour("--wash"),
      "border-color": colour("--line"), "border-width": 1, color: colour("--ink"), "font-family": "sans-serif" } },
    { selector: "node[kind = 'zone']", style: { shape: "ellipse", "border-style": "dashed" } },
    { selector: "node[kind = 'start']", style: { "border-color": colour("--high"), "border-width": 2 } },
    { selector: "node[kind = 'objective']", style: { "border-color": colour("--link"), "border-width": 3 } },
    { selector: "edge", style: {
      width: 2, "line-color": colour("--high"), "target-arrow-color": colour("--high"), "target-arrow-shape": "triangle",
      "curve-style": "bezier" } },
    { selector: "edge[state = 'possible']", style: { "line-style": "dashed" } },
  ];

  drawing.hidden = false;
  const starts = nodes.filter((one) => one.data.kind === "start").map((one) => one.data.id);
  const map = window.cytoscape({
    container: drawing, elements: { nodes, edges }, style: look(), minZoom: 0.2, maxZoom: 3, wheelSensitivity: 0.3,
    userZoomingEnabled: false, // the wheel scrolls the page; the table is there for who needs it larger
    layout: { name: "breadthfirst", directed: true, roots: starts.length ? starts : undefined, spacingFactor: 1.1, padding: 12 },
  });
  map.on("tap", "node, edge", (event) => {
    const page = event.target.data("page");
    if (page) window.location.assign(page);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map.style(look()));
})();
