// The message box: Enter sends, Shift+Enter starts a line; commands, people and channels are completed while typing.

export function startComposers(send) {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-composer]");
    if (!form) return;
    event.preventDefault();
    post(form, send);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-composer]");
    if (!form) return;
    grow(event.target);
    suggest(form);
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && event.target.matches("textarea")) key(event, form);
  });
  document.addEventListener("mousedown", (event) => {
    const item = event.target.closest("[data-completion]");
    if (!item) return;
    event.preventDefault();
    complete(item.closest("[data-composer]"), item.dataset.completion);
  });
}

async function post(form, send) {
  const field = form.querySelector("textarea");
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  hide(form);
  grow(field);
  if (!(await send(form.dataset.composer, text)) && !field.value) field.value = text;
  grow(field);
}

function key(event, form) {
  const list = form.querySelector(".completions");
  const items = [...list.children];
  const at = items.findIndex((one) => one.getAttribute("aria-selected") === "true");
  const open = !list.hidden && items.length > 0;
  if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    select(items, (at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length);
  } else if (open && event.key === "Tab") {
    event.preventDefault();
    complete(form, items[Math.max(at, 0)].dataset.completion);
  } else if (open && event.key === "Escape") {
    event.preventDefault();
    hide(form);
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (open && word(form) !== items[at].dataset.completion) complete(form, items[at].dataset.completion);
    else form.requestSubmit();
  }
}

function word(form) {
  const field = form.querySelector("textarea");
  return field.value.slice(0, field.selectionStart).split(/\s/).pop();
}

function suggest(form) {
  const typed = word(form);
  const field = form.querySelector("textarea");
  const command = typed.startsWith("/") && field.value.trimStart() === typed && form.dataset.composer === "channel";
  const named = /^[@#]/.test(typed);
  const all = JSON.parse(form.dataset.completions);
  const found = command || named ? all.filter((one) => one.text.startsWith(typed)).slice(0, 8) : [];
  const list = form.querySelector(".completions");
  list.replaceChildren(...found.map(item));
  list.hidden = !found.length;
  select([...list.children], 0);
}

function item(one) {
  const row = document.createElement("li");
  row.setAttribute("role", "option");
  row.dataset.completion = one.text;
  const parts = [["strong", one.text], ["span", one.hint], ["small", one.about]];
  row.append(...parts.filter(([, text]) => text).map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })));
  return row;
}

function select(items, index) {
  items.forEach((one, number) => one.setAttribute("aria-selected", String(number === index)));
}

function complete(form, text) {
  const field = form.querySelector("textarea");
  const before = field.value.slice(0, field.selectionStart);
  const start = before.length - word(form).length;
  field.setRangeText(`${text} `, start, field.selectionStart, "end");
  hide(form);
  field.focus();
}

function hide(form) {
  form.querySelector(".completions").hidden = true;
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
