// Reads and restores form elements of Block Kit: a plain value each, as the people's door takes them.

export function entered(element) {
  const kind = element.dataset.element;
  if (kind === "radio_buttons") return element.querySelector("input:checked")?.value ?? null;
  if (kind === "external_select") return element.querySelector("[data-picked]")?.dataset.picked ?? null;
  if (kind === "multi_external_select") return [...element.querySelectorAll("[data-picked]")].map((one) => one.dataset.picked);
  if (kind === "checkboxes" || kind.startsWith("multi_")) return [...element.querySelectorAll("input:checked")].map((one) => one.value);
  const field = element.querySelector("input, textarea, select");
  if (kind === "datetimepicker") return field.value ? String(Math.floor(new Date(field.value).getTime() / 1000)) : null;
  return field.value || null;
}

// The face of a multi-select says what is chosen.
export function countChosen(element) {
  const face = element.querySelector("[data-chosen]");
  if (!face) return;
  const chosen = [...element.querySelectorAll("input:checked")].map((one) => one.parentElement.textContent.trim());
  face.textContent = chosen.join(", ") || face.dataset.chosen;
}

export function collect(root) {
  const values = {};
  for (const element of root.querySelectorAll("[data-element]")) {
    const block = element.closest("[data-block-id]").dataset.blockId;
    (values[block] ??= {})[element.dataset.actionId] = entered(element);
  }
  return values;
}

// A datetime-local field wants the reader's own zone, which only the browser knows.
export function enter(root) {
  for (const field of root.querySelectorAll('input[type="datetime-local"][data-at]')) {
    if (!field.dataset.at) continue;
    const at = new Date(Number(field.dataset.at) * 1000);
    field.value = new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
}

// When the app changes an open modal, what was typed stays where block and action are the same.
export function restoreTyped(old, next) {
  enter(next);
  for (const before of old.querySelectorAll("[data-element]")) {
    const block = before.closest("[data-block-id]").dataset.blockId;
    const after = next.querySelector(`[data-block-id="${CSS.escape(block)}"] [data-action-id="${CSS.escape(before.dataset.actionId)}"]`);
    if (!after || after.dataset.element !== before.dataset.element) continue;
    const fields = (root) => [...root.querySelectorAll("input, textarea, select")];
    const kept = fields(before);
    fields(after).forEach((field, index) => {
      const from = kept[index];
      if (!from || from.type !== field.type) return;
      if (field.type === "checkbox" || field.type === "radio") { if (from.value === field.value) field.checked = from.checked; }
      else if (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === from.value)) field.value = from.value;
    });
    const picked = before.querySelector(".picked");
    if (picked) after.querySelector(".picked")?.replaceChildren(...picked.cloneNode(true).childNodes);
    countChosen(after);
  }
}

export function watchSuggestions(ask, changed) {
  let timer;
  document.addEventListener("input", (event) => {
    const field = event.target.closest(".suggest [role=combobox]");
    if (!field) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const box = field.closest(".suggest");
      const list = box.querySelector("[role=listbox]");
      const options = field.value.length >= Number(box.dataset.least) ? await ask(field, field.value) : [];
      list.replaceChildren(...options.map((option) => suggestion(option)));
      list.hidden = !options.length;
      field.setAttribute("aria-expanded", String(!list.hidden));
    }, 200);
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest(".suggest [data-suggestion]");
    if (!option) return;
    const element = option.closest("[data-element]");
    pick(element, option.dataset.suggestion, option.textContent);
    changed(element);
  });
}

function suggestion(option) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("role", "option");
  button.dataset.suggestion = option.value;
  button.textContent = option.text.text;
  item.append(button);
  return item;
}

function pick(element, value, label) {
  const picked = element.querySelector(".picked");
  const chip = document.createElement("button");
  chip.type = "button";
  chip.className = "chip";
  chip.dataset.picked = value;
  chip.textContent = `${label} ✕`;
  if (element.dataset.element === "external_select") picked.replaceChildren(chip);
  else if (![...picked.children].some((one) => one.dataset.picked === value)) picked.append(chip);
  const field = element.querySelector("[role=combobox]");
  field.value = "";
  element.querySelector("[role=listbox]").hidden = true;
  field.focus();
}
