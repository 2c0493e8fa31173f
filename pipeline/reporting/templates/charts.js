// Draws the charts, and again when the system changes between light and dark.
const specifications = JSON.parse(document.getElementById("charts").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function drawCharts() {
  const css = getComputedStyle(document.documentElement);
  const ink = css.getPropertyValue("--ink").trim();
  const line = css.getPropertyValue("--line").trim();
  const colors = dark.matches
    ? ["#8ab4f8", "#f6ad55", "#68d391", "#f687b3", "#b794f4", "#76e4f7", "#d6bc8a", "#a0aec0"]
    : ["#2f5fb3", "#c05621", "#2f855a", "#b83280", "#6b46c1", "#0987a0", "#7b5e1f", "#4a5568"];
  const config = {
    background: "transparent",
    font: "system-ui, sans-serif",
    view: { stroke: "transparent" },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12 },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
    range: { category: colors },
    rule: { color: ink },
  };
  for (const place of document.querySelectorAll("[data-chart]")) {
    const options = { actions: false, renderer: "svg", config };
    vegaEmbed(place, specifications[place.dataset.chart], options).catch((error) => console.error(error));
  }
}
drawCharts();
dark.addEventListener("change", drawCharts);
