// Shows instants in the reader's own zone, by Slack's date tokens; the server has shown them in UTC.

const styles = {
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  day_divider: { weekday: "long", month: "long", day: "numeric" },
  time: { hour: "numeric", minute: "2-digit" },
  time_secs: { hour: "numeric", minute: "2-digit", second: "2-digit" },
};

export function localise(root) {
  for (const node of root.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(node.dataset.at) * 1000);
    node.textContent = node.dataset.pattern.replace(/\{(\w+)\}/g, (token, name) => show(at, name) ?? token);
    node.title ||= at.toString();
  }
}

function show(at, name) {
  if (name === "time_short") return show(at, "time").replace(/\s[AP]M$/, ""); // the full time stands on the first message
  const plain = name.replace("_pretty", "");
  if (plain !== name) {
    const days = Math.round((midnight(new Date()) - midnight(at)) / 86400000);
    if (days === 0) return plain === "day_divider" ? "Today" : "today";
    if (days === 1) return plain === "day_divider" ? "Yesterday" : "yesterday";
  }
  if (plain === "date_num") return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  if (plain === "date_slash") return `${two(at.getMonth() + 1)}/${two(at.getDate())}/${at.getFullYear()}`;
  if (plain === "ago") return ago(at);
  return styles[plain] && new Intl.DateTimeFormat(undefined, styles[plain]).format(at);
}

function ago(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([one]) => Math.abs(seconds) >= one) ?? [1, "second"];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

const midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
const two = (number) => String(number).padStart(2, "0");
