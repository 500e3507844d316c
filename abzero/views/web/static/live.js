// Keeps a page up to date: the server says that a step was committed, and the page fetches itself anew.
const POLL = 2000;
const FAILURES = 3;

export function live() {
  const news = document.createElement("div");
  news.id = "news";
  news.setAttribute("role", "status");
  news.hidden = true;
  document.body.append(news);
  const run = location.pathname.match(/^\/r\/[^/]+/)?.[0];
  const main = () => document.getElementById("main");
  let on = main()?.dataset.live === "1";
  let busy = false;
  let again = false;

  const say = (words) => {
    news.textContent = words;
    news.hidden = !words;
  };

  async function refresh() {
    if (!on || !main()?.dataset.live) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.href);
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say("the server does not answer");
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      refresh();
    }
  }

  // Puts the new page in the old one's place; what was open, focused or in view stays so.
  function swap(page) {
    const open = new Set([...document.querySelectorAll("main details[open] summary b")].map((one) => one.textContent));
    const known = new Set([...document.querySelectorAll("main a.item")].map((one) => one.href));
    const ticked = new Set([...document.querySelectorAll("main input:checked")].map((one) => one.value));
    const focused = document.activeElement?.closest("main a.item")?.href;
    status(page);
    const [run, named] = [document.querySelector(".side .run"), page.querySelector(".side .run")];
    if (run && named) run.replaceWith(named);
    main().replaceChildren(...page.getElementById("main").childNodes);
    for (const summary of document.querySelectorAll("main summary")) {
      if (open.has(summary.querySelector("b")?.textContent)) summary.parentElement.open = true;
    }
    for (const box of document.querySelectorAll("main input[type=checkbox]")) box.checked = ticked.has(box.value);
    for (const item of document.querySelectorAll("main a.item")) {
      if (known.size && !known.has(item.href)) item.parentElement.classList.add("fresh");
      if (item.href === focused) item.focus({ preventScroll: true });
    }
    say("");
  }

  // How far the run is, and what its running step is at: the server's own HTML, in the place of what was there.
  function status(page) {
    const [old, fresh] = [document.getElementById("status"), page.getElementById("status")];
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }

  function poll() {
    let last = null;
    setInterval(async () => {
      try {
        const { step } = await (await fetch(`${run}/newest`)).json();
        if (last !== null && step !== last) refresh();
        last = step;
      } catch {
        say("the server does not answer");
      }
    }, POLL);
  }

  function listen() {
    let failures = 0;
    const source = new EventSource(`${run}/events?seen=${document.getElementById("step")?.dataset.step ?? ""}`);
    source.onopen = () => {
      failures = 0;
      say("");
    };
    for (const kind of ["step", "rewound", "state"]) source.addEventListener(kind, refresh);
    source.addEventListener("status", ({ data }) => status(new DOMParser().parseFromString(data, "text/html")));
    source.onerror = () => {
      failures += 1;
      say("waiting for the server");
      if (failures >= FAILURES && source.readyState === EventSource.CLOSED) {
        poll();
      }
    };
  }

  if (run && document.getElementById("status")) listen();
  else if (on) setInterval(refresh, 2 * POLL);
  return () => {
    on = !on;
    say(on ? "" : "live is off: press . to go on");
    refresh();
  };
}
