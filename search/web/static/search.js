// The search and browse pages without a reload: the next state is fetched and takes the place of this
// one. Whatever is not understood is left to the browser, which can do all of it by itself.

const swapped = "[data-swap]";
const progress = document.createElement("div");
progress.className = "progress";
const announcer = document.createElement("p");
announcer.className = "hidden";
announcer.setAttribute("role", "status");
document.body.append(progress, announcer);
let asking = null;
let shown = location.pathname + location.search;

const box = () => document.querySelector("[data-box]")?.q;

function isOurs(link) {
  return link.origin === location.origin && link.pathname === location.pathname && !link.hash;
}

async function show(url, { push = true, keep = null } = {}) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  document.body.classList.add("busy");
  try {
    const answer = await fetch(url, { signal, headers: { Accept: "text/html" } });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (signal.aborted) return;
    const [old, fresh] = [document, next].map((page) => page.querySelector(swapped));
    if (!fresh) throw new Error("not a page of ours");
    if (push && url !== location.href) history.pushState(null, "", url);
    shown = location.pathname + location.search;
    if (keep) keep(old, fresh);
    else replace(old, fresh, next.title);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  } finally {
    if (!signal.aborted) document.body.classList.remove("busy");
  }
}

function replace(old, fresh, title) {
  const typing = document.activeElement === box();
  const wasOpen = Boolean(old.querySelector(".help")?.open);
  old.replaceWith(document.adoptNode(fresh));
  document.title = title;
  const help = fresh.querySelector(".help");
  if (help) help.open = wasOpen;
  if (typing) box()?.focus({ preventScroll: true });
  else document.querySelector("main").focus({ preventScroll: true });
  scrollTo(0, 0);
  announcer.textContent = (fresh.querySelector(".total") ?? fresh.querySelector("h1")).textContent;
}

function append(old, fresh) {
  const [list, more] = [old.querySelector(".hits"), fresh.querySelector(".hits")];
  const first = more?.querySelector("a");
  list.append(...(more?.children ?? []));
  const [onward, further] = [old, fresh].map((page) => page.querySelector(".onward"));
  if (further) onward.replaceWith(further);
  else onward.remove();
  first?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !plain || event.defaultPrevented || link.hasAttribute("download") || !isOurs(link)) return;
  event.preventDefault();
  const isMore = link.hasAttribute("data-more");
  show(link.href, { push: !isMore, keep: isMore ? append : null });
});

document.addEventListener("submit", (event) => {
  const url = new URL(event.target.action);
  if (event.target.method !== "get" || !isOurs(url)) return;
  event.preventDefault();
  for (const [name, value] of new FormData(event.target)) if (value) url.searchParams.append(name, value);
  show(url.href);
});

addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) show(location.href, { push: false });
});

document.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  const typing = at.matches("input, select, textarea");
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "/" && !typing && box()) {
    event.preventDefault();
    box().focus();
    box().select();
  } else if (event.key === "Escape") {
    if (at.matches(".moment")) box()?.focus();
    else at.blur();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!typing || at === box()) walk(event, at);
  }
});

function walk(event, at) {
  const moments = [...document.querySelectorAll(".moment")];
  const here = moments.indexOf(at);
  if (here < 0 && (at !== box() || event.key === "ArrowUp")) return;
  const next = event.key === "ArrowDown" ? moments[here + 1] : (moments[here - 1] ?? box());
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
