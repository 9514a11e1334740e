// A session's page: to the nearest moment of the URL, from match to match, from the picture to the words.

const page = document.querySelector(".session");
const find = document.querySelector("[data-find]");
const count = find?.querySelector("[data-count]");
const matches = Number(count?.dataset.count ?? 0);
let match = 0;
let lines = null;
let times = null;

// ------------------------------------------------------------------ the far part of a long meeting

// Beyond its first screens it comes as text in `noscript`, which takes a browser a tenth of the time
// that elements take: those are made when they come near or are led to, and the rest when there is time.
const far = [...document.querySelectorAll(".far")];
let filled = 0;

function fill(block) {
  const held = block?.querySelector(":scope > noscript");
  if (held) block.innerHTML = held.textContent;
}

function fillAll() {
  far.forEach(fill);
  filled = far.length;
}

function fillOn(deadline) {
  while (filled < far.length && deadline.timeRemaining() > 2) fill(far[filled++]);
  if (filled < far.length) whenIdle(fillOn);
}

function whenIdle(work) {
  if (window.requestIdleCallback) requestIdleCallback(work);
  else setTimeout(() => { const until = Date.now() + 8; work({ timeRemaining: () => until - Date.now() }); }, 8);
}

function element(id) {
  const found = document.getElementById(id);
  if (found) return found;
  const at = far.findIndex((block) => block.firstElementChild?.textContent.includes(` id="${id}"`));
  if (at >= 0) far.slice(Math.max(at - 1, 0), at + 2).forEach(fill);
  return document.getElementById(id);
}

const near = new IntersectionObserver((seen) => {
  for (const each of seen) if (each.isIntersecting) fill(each.target);
}, { rootMargin: "100%" });
far.forEach((block) => near.observe(block));
whenIdle(fillOn);
addEventListener("beforeprint", fillAll);

// ------------------------------------------------------------------ to a moment, from match to match

function haveLines() {
  fillAll();
  lines ??= [...document.querySelectorAll('.turn > p[id^="t="]')];
  times ??= lines.map((line) => Number(line.id.slice(2)));
  return lines.length > 0;
}

function nearest(ms) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= ms) low = middle + 1;
    else high = middle;
  }
  return lines[Math.max(low - 1, 0)];
}

function go(line) {
  document.querySelector(".here")?.classList.remove("here");
  line.classList.add("here");
  line.scrollIntoView({ block: "center" });
}

function follow() {
  const moment = /^#t=(\d+)$/.exec(location.hash);
  if (moment) {
    const line = element(location.hash.slice(1)) ?? (haveLines() && nearest(Number(moment[1])));
    if (line) go(line);
    return;
  }
  const hop = Number(/^#m(\d+)$/.exec(location.hash)?.[1] ?? 0);
  if (hop >= 1 && hop <= matches) step(hop);
}

function step(to) {
  match = ((to - 1 + matches) % matches) + 1;
  go(element(`m${match}`).closest("p"));
  count.textContent = `${match} of ${matches}`;
}

function stepBy(change) {
  if (!match) {
    const here = document.querySelector(".here .hop");
    match = here ? Number(here.id.slice(1)) : change > 0 ? 0 : 1;
  }
  step(match + change);
}

addEventListener("hashchange", follow);
follow();

document.addEventListener("click", (event) => {
  const stepper = event.target.closest("[data-step]");
  if (stepper && matches) {
    event.preventDefault();
    stepBy(Number(stepper.dataset.step));
    return;
  }
  const lane = event.target.closest(".lane svg");
  if (lane && haveLines()) {
    const { left, width } = lane.getBoundingClientRect();
    const line = nearest(((event.clientX - left) / width) * Number(page.dataset.length));
    location.hash = line.id;
  }
});

document.addEventListener("keydown", (event) => {
  const typing = document.activeElement.matches("input, select, textarea");
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "/" && !typing && find) {
    event.preventDefault();
    find.q.select();
    find.q.focus();
  } else if (event.key === "Escape") {
    document.activeElement.blur();
  } else if (!typing && matches && (event.key === "n" || event.key === "p")) {
    stepBy(event.key === "n" ? 1 : -1);
  }
});

// ------------------------------------------------------------------ a link to this moment

const copy = find?.querySelector("[data-copy]");

function current() {
  const top = find.getBoundingClientRect().bottom;
  const here = document.querySelector(".here[id]");
  const seen = here?.getBoundingClientRect();
  if (seen && seen.bottom > top && seen.top < innerHeight) return here;
  let [low, high] = [0, lines.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].getBoundingClientRect().top > top) high = middle;
    else low = middle + 1;
  }
  return lines[low];
}

if (copy && navigator.clipboard && document.querySelector(".turn")) {
  copy.hidden = false;
  copy.setAttribute("aria-live", "polite");
  const label = copy.textContent;
  copy.addEventListener("click", async () => {
    const url = new URL(location.href);
    url.hash = haveLines() ? current().id : "";
    await navigator.clipboard.writeText(url.href);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = label; }, 1600);
  });
}
