// Shows a chart's numbers at the step under the pointer.
const tip = document.getElementById("tip");
for (const svg of document.querySelectorAll("svg[data-numbers]")) {
  const { frame: [left, right, x0, x1], share, series } = JSON.parse(svg.dataset.numbers);
  const cursor = svg.querySelector(".cursor");
  const width = svg.viewBox.baseVal.width;
  const hide = () => { tip.style.visibility = cursor.style.visibility = "hidden"; };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = x0 + ((event.clientX - box.left) / box.width * width - left) / (right - left) * (x1 - x0);
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
  });
}
