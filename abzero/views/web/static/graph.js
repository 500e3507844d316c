// The graph of descent: the edges of the task under the pointer, or in focus, stand out.
export function graph() {
  const near = (event) => {
    for (const edge of document.querySelectorAll(".edge.near")) edge.classList.remove("near");
    const node = event.target.closest?.("[data-node]")?.dataset.node;
    if (node === undefined) return;
    for (const edge of document.querySelectorAll(`[data-edge^="${node} "], [data-edge$=" ${node}"]`)) edge.classList.add("near");
  };
  document.addEventListener("pointerover", near);
  document.addEventListener("focusin", near);
}
