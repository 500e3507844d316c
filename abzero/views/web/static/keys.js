// The keyboard: j and k move in a list, / searches, . switches live, ? says so.
const HELP = [
  ["j, k", "next and previous in a list"],
  ["Enter", "open it"],
  ["[, ]", "the page before and after"],
  ["/", "search"],
  [".", "live on and off"],
  ["?", "this help"],
];

export function keys(toggle) {
  document.querySelector(".side [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      j: () => move(1),
      k: () => move(-1),
      "[": () => document.querySelector("main a.prev")?.click(),
      "]": () => document.querySelector("main a.next")?.click(),
      "/": search,
      ".": toggle,
      "?": help,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function move(by) {
  const items = [...document.querySelectorAll("main a.item")];
  if (!items.length) return;
  const at = items.indexOf(document.activeElement?.closest("a.item"));
  const next = items[at < 0 ? 0 : Math.min(Math.max(at + by, 0), items.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function search() {
  const field = document.querySelector("input[type=search]");
  if (field) return field.focus();
  const link = [...document.querySelectorAll(".side nav a")].find((one) => one.pathname.endsWith("/search"));
  if (link) location.href = link.href;
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "keys");
  const list = document.createElement("dl");
  for (const [key, words] of HELP) {
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap);
    meaning.textContent = words;
    list.append(term, meaning);
  }
  const close = document.createElement("button");
  close.textContent = "close";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(list, close);
  document.body.append(dialog);
  dialog.showModal();
}
