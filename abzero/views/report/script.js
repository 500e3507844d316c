// Shows a chart's numbers at the step under the pointer; charts may come and go.
const tip = document.getElementById("tip");
let shown = null;
const hide = () => {
  if (shown) shown.style.visibility = "hidden";
  tip.style.visibility = "hidden";
};
document.addEventListener("pointermove", (event) => {
  const svg = event.target instanceof Element && event.target.closest("svg[data-numbers]");
  if (!svg) return hide();
  const { frame: [left, right, x0, x1], share, series } = JSON.parse(svg.dataset.numbers);
  const cursor = svg.querySelector(".cursor");
  if (cursor !== shown) hide();
  const box = svg.getBoundingClientRect();
  const at = x0 + ((event.clientX - box.left) / box.width * svg.viewBox.baseVal.width - left) / (right - left) * (x1 - x0);
  const nearest = (points) => points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
  const step = nearest(series.flatMap(([, points]) => points))[0];
  const rows = series.map(([label, points]) => {
    const [x, y] = nearest(points);
    return Math.abs(x - step) > (x1 - x0) / 50 ? null : `${label}  ${share ? (100 * y).toFixed(1) + " %" : y}`;
  });
  tip.textContent = [`step ${Math.round(step)}`, ...rows.filter(Boolean)].join("\n");
  const place = left + (step - x0) / (x1 - x0) * (right - left);
  cursor.setAttribute("x1", place);
  cursor.setAttribute("x2", place);
  cursor.style.visibility = tip.style.visibility = "visible";
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6) + "px";
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 6) + "px";
  shown = cursor;
});
