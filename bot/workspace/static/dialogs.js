// The page's own dialogs: a question, a message to change, an emoji to choose. Each answers when it is closed.

const get = (id) => document.getElementById(id);

async function answer(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue;
}

// What a `confirm` object asks before its element acts; without one there is nothing to ask.
export async function agreed(node) {
  const asked = node.closest("[data-confirm]")?.dataset.confirm;
  if (!asked) return true;
  const question = JSON.parse(asked);
  const dialog = get("confirm");
  for (const slot of ["title", "text", "confirm", "deny"]) dialog.querySelector(`[data-slot="${slot}"]`).textContent = question[slot];
  dialog.querySelector('[data-slot="confirm"]').classList.toggle("danger", question.style === "danger");
  return (await answer(dialog)) === "yes";
}

// The new text; null if it was left as it was.
export async function edited(text) {
  const field = get("edit").querySelector("textarea");
  field.value = text;
  const saved = (await answer(get("edit"))) === "yes";
  return saved && field.value.trim() && field.value !== text ? field.value : null;
}

// The name of an emoji; empty if none was chosen.
export async function emojiName() {
  const dialog = get("emoji");
  const field = dialog.querySelector("input");
  field.value = "";
  filter(dialog, "");
  return answer(dialog);
}

const choices = (dialog) => [...dialog.querySelectorAll(".emoji-grid button")];

function filter(dialog, words) {
  for (const one of choices(dialog)) one.hidden = !one.value.includes(words);
}

get("emoji").addEventListener("input", (event) => filter(get("emoji"), event.target.value.trim().toLowerCase().replace(/[: ]+/g, "_").replace(/^_|_$/g, "")));
get("emoji").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault();
  const first = choices(get("emoji")).find((one) => !one.hidden);
  if (first) get("emoji").close(first.value);
});
