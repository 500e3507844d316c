// The search form, the ticks of the list of runs, and the button that copies a line.
const ENOUGH = 50;

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
  goOn();
  if (new URLSearchParams(location.search).size === 0) document.querySelector("#search input")?.focus();
}

// The server searches for a moment and says how far it came; the page asks on until there is enough to look at.
async function goOn() {
  const [list, note] = [document.querySelector("main ol.list"), document.querySelector("main [data-reached]")];
  for (;;) {
    const more = document.querySelector("main a.on");
    if (!note || !more || list.children.length >= ENOUGH) return;
    const answer = await fetch(more.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.append(...page.querySelector("main ol.list").children);
    more.parentElement.replaceWith(page.querySelector("main ol.list + p"));
    const { reached } = page.querySelector("main [data-reached]").dataset;
    note.textContent = `${list.children.length} found in steps ${reached} to ${note.dataset.first}.`;
  }
}
