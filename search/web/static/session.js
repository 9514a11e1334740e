// A session's page: to the nearest moment of the URL, from match to match, from the picture to the words.

const page = document.querySelector(".session");
const find = document.querySelector("[data-find]");
const hops = [...document.getElementsByClassName("hop")];
let match = -1;
let lines = null;
let times = null;

function haveLines() {
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
    const line = document.getElementById(location.hash.slice(1)) ?? (haveLines() && nearest(Number(moment[1])));
    if (line) go(line);
    return;
  }
  const hop = hops.findIndex((each) => `#${each.id}` === location.hash);
  if (hop >= 0) step(hop);
}

function step(to) {
  match = (to + hops.length) % hops.length;
  go(hops[match].closest("p"));
  const count = find.querySelector("[data-count]");
  if (count) count.textContent = `${match + 1} of ${hops.length}`;
}

function stepBy(change) {
  if (match < 0) {
    const here = document.querySelector(".here");
    const at = here ? hops.findIndex((each) => each.closest("p") === here) : -1;
    match = at >= 0 ? at : change > 0 ? -1 : 0;
  }
  step(match + change);
}

addEventListener("hashchange", follow);
follow();

document.addEventListener("click", (event) => {
  const stepper = event.target.closest("[data-step]");
  if (stepper && hops.length) {
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
  } else if (!typing && hops.length && (event.key === "n" || event.key === "p")) {
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
