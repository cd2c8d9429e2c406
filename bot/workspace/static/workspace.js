// Keeps the page up to date and sends what the person does. The server renders every fragment; this only swaps them.
import { countChosen, entered, enter, watchSuggestions, collect, restoreTyped } from "/static/fields.js";
import { startComposers } from "/static/composer.js";
import { agreed, edited, emojiName } from "/static/dialogs.js";
import { localise } from "/static/moments.js";

const { user, place, seen } = document.body.dataset;
let thread = document.body.dataset.thread;
let search = document.querySelector("[data-search] input")?.value ?? "";
const part = (name) => document.querySelector(`[data-part="${name}"]`);
const home = place === "home";

async function act(action, body) {
  let outcome;
  try {
    const response = await fetch(`/people/${user}/${action}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    outcome = await response.json();
  } catch {
    outcome = { ok: false, warning: "The workspace cannot be reached." };
  }
  if (!outcome.ok && !Object.keys(outcome.errors ?? {}).length && !(action === "command" && outcome.ts)) toast(outcome.warning ?? outcome.detail ?? outcome.error);
  return outcome;
}

function toast(text) {
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = text;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

// ---- fragments ----
const shown = new Map();

async function refresh(name) {
  const query = new URLSearchParams({ seen, ...(thread && { thread }), ...(search && { search }) });
  const response = await fetch(`/client/${user}/${place}/${name}?${query}`);
  if (!response.ok) return;
  const html = await response.text();
  if (shown.get(name) === html) return;
  shown.set(name, html);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  enter(fresh.content);
  ({ main: swapFeed, thread: swapThread, modal: swapModal, composer: swapComposer }[name] ?? swapAll)(part(name), fresh.content);
  localise(part(name));
}

function swapAll(target, content) {
  const open = [...target.querySelectorAll("details[open]")].map((one) => one.className);
  target.replaceChildren(content);
  target.querySelectorAll("details").forEach((one) => { if (open.includes(one.className)) one.open = true; });
}

function swapFeed(target, content) {
  const from = content.querySelector("[data-keyed]");
  const to = target.querySelector("[data-keyed]");
  if (!from || !to) return swapAll(target, content);
  const scroller = target.closest(".scroller") ?? target.querySelector(".scroller");
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const old = new Map([...to.children].map((one) => [one.dataset.key, one]));
  let before = to.firstElementChild;
  for (const next of [...from.children]) {
    const same = old.get(next.dataset.key);
    old.delete(next.dataset.key);
    if (same && sources.get(same) === next.outerHTML) {
      if (same === before) before = before.nextElementSibling;
      else to.insertBefore(same, before);
      continue;
    }
    sources.set(next, next.outerHTML);
    if (same) { if (same === before) before = before.nextElementSibling; keepFocus(same, next); }
    else to.insertBefore(next, before);
  }
  old.forEach((one) => one.remove());
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

const sources = new WeakMap();

function keepFocus(old, next) {
  const active = old.contains(document.activeElement) ? document.activeElement.dataset.actionId : null;
  old.replaceWith(next);
  if (active) next.querySelector(`[data-action-id="${CSS.escape(active)}"]`)?.focus();
}

function swapThread(target, content) {
  const composer = target.querySelector("[data-composer]");
  if (!composer || target.hidden) { target.replaceChildren(content); target.hidden = !thread; return; }
  swapFeed(target, content);
}

// What is being typed stays, unless there is nowhere left to type it.
function swapComposer(target, content) {
  const [old, next] = [target.querySelector("form"), content.querySelector("form")];
  if (old && next) old.dataset.completions = next.dataset.completions;
  else target.replaceChildren(content);
}

function swapModal(dialog, content) {
  const old = dialog.querySelector("form");
  const next = content.querySelector("form");
  if (!next) { dialog.close(); dialog.replaceChildren(); return; }
  if (old?.dataset.view === next.dataset.view && old.dataset.version === next.dataset.version) return;
  const isSame = old?.dataset.view === next.dataset.view;
  const focused = isSame && old.contains(document.activeElement) ? document.activeElement.closest("[data-block-id]")?.dataset.blockId : null;
  if (isSame) restoreTyped(old, next);
  dialog.replaceChildren(content);
  showIfOpen(dialog, focused);
}

function showIfOpen(dialog, focused) {
  if (!dialog.querySelector("form")) return;
  if (!dialog.open) dialog.showModal();
  const fields = ":is(input, textarea, select)";
  const kept = focused && dialog.querySelector(`[data-block-id="${CSS.escape(focused)}"] ${fields}`);
  (kept || dialog.querySelector(`.modal-body ${fields}`))?.focus();
}

// One round of fetching at a time: what changes meanwhile is fetched in the next round.
let wanted = new Set();
let fetching = false;
async function want(...names) {
  names.forEach((name) => wanted.add(name));
  if (fetching) return;
  fetching = true;
  while (wanted.size) {
    await new Promise((done) => setTimeout(done, 40));
    const round = [...wanted];
    wanted = new Set();
    await Promise.allSettled(round.map(refresh));
    if (round.includes("main")) markRead();
  }
  fetching = false;
}

function markRead() {
  if (!home && document.visibilityState === "visible" && !document.querySelector("[data-join]")) act("read", { channel: place });
}

const everything = () => want("sidebar", "header", "main", "modal", ...(thread ? ["thread"] : []));
const feed = new EventSource(`/people/${user}/events`);
feed.addEventListener("open", everything);
feed.addEventListener("changed", (event) => {
  const change = JSON.parse(event.data);
  if (change.area === "view") want("modal");
  else if (change.area === "home") want("main");
  else if (change.area === "channels") want("sidebar", "header", ...(home ? [] : ["composer"]));
  else want("sidebar", ...(change.channel === place ? ["main", "header", ...(thread ? ["thread"] : [])] : []));
});
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") markRead(); });

// ---- what the person does ----
function targetOf(node) {
  const block_id = node.closest("[data-block-id]").dataset.blockId;
  const action_id = node.closest("[data-action-id]").dataset.actionId;
  const view_id = node.closest("[data-view]")?.dataset.view;
  if (view_id) return { block_id, action_id, view_id };
  return { block_id, action_id, channel: place, ts: node.closest("[data-ts]").dataset.ts };
}

async function use(node, action, value) {
  if (node.getAttribute("aria-busy") === "true" || !(await agreed(node))) return false;
  const form = node.closest("[data-view]");
  const target = targetOf(node);
  if (node.matches("button")) node.setAttribute("aria-busy", "true");
  await act(action, { target, value, values: form ? collect(form) : {} });
  node.removeAttribute("aria-busy");
  return true;
}

async function changed(element) {
  const block = element.closest("[data-block-id]");
  const view = element.closest("[data-view]");
  if (view && block.classList.contains("input") && !("dispatch" in block.dataset)) return;
  await use(element, "select", entered(element));
}

function closeMenus(except = null) {
  document.querySelectorAll("details.menu-box[open]").forEach((one) => { if (one !== except) one.open = false; });
}

document.addEventListener("click", async (event) => {
  closeMenus(event.target.closest("details.menu-box"));
  const node = event.target.closest("button, a, summary");
  if (node?.origin === location.origin && node.pathname.startsWith("/archives/")) { event.preventDefault(); follow(node); return; }
  if (!node) { if (!event.target.closest(".sidebar")) document.body.classList.remove("menu-open"); return; }
  const data = node.dataset;
  const ts = node.closest("[data-ts]")?.dataset.ts;
  if ("press" in data) { if (data.url) window.open(data.url, "_blank", "noopener"); await use(node, "press", null); }
  else if ("overflowValue" in data) { node.closest("details").open = false; await use(node.closest("details"), "press", data.overflowValue); }
  else if ("react" in data) await react(ts, data.react);
  else if ("emoji" in data) await react(ts, await emojiName());
  else if ("edit" in data) { closeMenus(); const text = await edited(data.edit); if (text) await act("edit", { channel: place, ts, text }); }
  else if ("delete" in data) { closeMenus(); if (await agreed(node)) await act("delete", { channel: place, ts }); }
  else if ("dismiss" in data) await act("dismiss", { channel: place, ts });
  else if ("shortcut" in data) { closeMenus(); await act("shortcut", ts ? { callback_id: data.shortcut, channel: place, ts } : { callback_id: data.shortcut }); }
  else if ("join" in data) await act("join", { channel: place });
  else if ("threadLink" in data) { event.preventDefault(); openThread(data.threadLink); }
  else if ("closeThread" in data) openThread("");
  else if ("menu" in data) document.body.classList.toggle("menu-open");
  else if ("close" in data) await closeView(data.close === "all");
  else if ("picked" in data) { const element = node.closest("[data-element]"); node.remove(); await changed(element); }
});

// A second time takes it back.
async function react(ts, name) {
  if (!name) return;
  const remove = Boolean(document.querySelector(`[data-ts="${ts}"] .reaction.mine[data-react="${name}"]`));
  await act("react", { channel: place, ts, name, remove });
}

// Escape takes away what lies on top: a menu, the search, the thread. Modals have their own.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (document.querySelector("details.menu-box[open]")) closeMenus();
  else if (search) find("");
  else if (thread) openThread("");
});

let typing;
function find(words) {
  const field = document.querySelector("[data-search] input");
  if (field.value !== words) field.value = words;
  clearTimeout(typing);
  typing = setTimeout(() => { search = words.trim(); want("main"); }, words ? 200 : 0);
}
document.querySelector("[data-search]")?.addEventListener("input", (event) => find(event.target.value));
document.querySelector("[data-search]")?.addEventListener("submit", (event) => { event.preventDefault(); find(event.target.elements.search.value); });

// A permalink is followed in this tab, whose person it cannot name.
function follow(link) {
  const [, , channel, message] = link.pathname.split("/");
  const ts = new URLSearchParams(link.search).get("thread_ts");
  location.assign(`/client/${user}/${channel}${ts ? `?thread=${ts}` : ""}#${message}`);
}

function openThread(ts) {
  thread = ts;
  part("thread").hidden = !ts;
  part("thread").replaceChildren();
  shown.delete("thread");
  history.replaceState(null, "", ts ? `?thread=${ts}` : location.pathname);
  if (ts) want("thread");
}

async function closeView(all) {
  const form = document.querySelector("#modal form");
  if (form) await act("close", { view_id: form.dataset.view, clear: all });
}

document.addEventListener("change", (event) => {
  const element = event.target.closest("[data-element]");
  if (!element || event.target.matches("[role=combobox]")) return;
  countChosen(element);
  changed(element);
});

document.getElementById("modal").addEventListener("cancel", (event) => { event.preventDefault(); closeView(true); });
document.getElementById("modal").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  const outcome = await act("submit", { view_id: form.dataset.view, values: collect(form) });
  button.removeAttribute("aria-busy");
  showErrors(form, outcome.errors ?? {}, outcome.ok ? "" : outcome.warning);
});

function showErrors(form, errors, warning) {
  form.querySelectorAll("[data-block-id]").forEach((block) => {
    const text = errors[block.dataset.blockId];
    const slot = block.querySelector("[data-error]");
    block.classList.toggle("invalid", Boolean(text));
    if (slot) { slot.textContent = text ?? ""; slot.hidden = !text; }
  });
  const slot = form.querySelector("[data-form-error]");
  slot.textContent = warning ?? "";
  slot.hidden = !warning;
  form.querySelector(".invalid :is(input, textarea, select)")?.focus();
}

startComposers(async (where, text) => {
  const name = text.startsWith("/") && where === "channel" ? "command" : "message";
  const feed = document.querySelector(where === "thread" ? "#thread .scroller" : "#main");
  feed.scrollTop = feed.scrollHeight; // what comes of it appears at the end
  const outcome = await act(name, { channel: place, text, thread_ts: where === "thread" ? thread : null });
  return outcome.ok || Boolean(outcome.ts);
});
watchSuggestions(async (element, query) => {
  const response = await fetch(`/people/${user}/suggest`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ target: targetOf(element), query }) });
  return (await response.json()).options ?? [];
}, changed);
document.querySelectorAll("[data-keyed]").forEach((list) => [...list.children].forEach((one) => sources.set(one, one.outerHTML)));
showIfOpen(document.getElementById("modal"));
localise(document);
enter(document);
const scroller = document.querySelector("#main.scroller");
if (!location.hash && !home) scroller.scrollTop = scroller.scrollHeight;
if (home) act("home", {});
