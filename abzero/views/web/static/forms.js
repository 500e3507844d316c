// The search form, the ticks of the list of runs, and the button that copies a line.
export function forms() {
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "search") return;
    event.preventDefault();
    const filled = [...new FormData(event.target)].filter(([, value]) => value);
    location.search = new URLSearchParams(filled).toString();
  });
  const ticked = () => [...document.querySelectorAll("input[name=run]:checked")].map((box) => ["run", box.value]);
  document.addEventListener("change", () => {
    const button = document.getElementById("compare");
    if (button) button.disabled = ticked().length < 2;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (button?.id === "compare") location.href = `/compare?${new URLSearchParams(ticked())}`;
    if (button?.dataset.copy) {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "copied";
    }
  });
  if (new URLSearchParams(location.search).size === 0) document.querySelector("#search input")?.focus();
}
