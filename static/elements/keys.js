// <crm-keys> follows what the page marks with data-key, and lists the same in its sheet: what stands in the main part
// goes before what stands around it. No key is taken from a field, with a modifier, in a dialog or while composing.
const fields = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const listed = ":is(tbody tr, .rows > li, .todo > li, .feed > li):has(a)";
const needed = { row: `main ${listed}`, box: "main tbody [name=id]", form: "main form[method=post]:has(textarea, .form-foot)" };
const find = (selector) => document.querySelector(selector);

customElements.define("crm-keys", class extends HTMLElement {
  #before = "";

  connectedCallback() {
    document.addEventListener("keydown", (event) => this.#press(event));
    document.addEventListener("click", (event) => event.target.closest('[data-key="?"]') && this.#show());
  }

  // targets returns what each key leads to here.
  targets() {
    const found = new Map();
    for (const part of ["main ", ""]) {
      for (const el of document.querySelectorAll(part + "[data-key]")) {
        const key = el.dataset.key;
        if (!found.has(key) && (el.matches("a, button") || el.checkVisibility())) found.set(key, el);
      }
    }
    return found;
  }

  #press(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.isComposing || find("dialog[open]")) return;
    if (target.matches(fields)) {
      if (key === "Escape") target.blur();
      return;
    }
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (this.dataset.off !== undefined || modified && !event.getModifierState("AltGraph")) return;
    const row = target.closest(listed);
    const sequence = this.#before + key;
    const to = this.targets();
    this.#before = [...to.keys()].some((k) => k.startsWith(sequence + " ")) ? sequence + " " : "";
    if (this.#before) setTimeout(() => { this.#before = ""; }, 1200);
    else if (to.has(sequence)) this.#go(to.get(sequence));
    else if (key === "j" || key === "k") this.#move(row, key === "j" ? 1 : -1);
    else if (key === "x" && row) row.querySelector("[type=checkbox]")?.click();
    else return;
    event.preventDefault();
  }

  #go(to) {
    const field = to.matches("form") ? to.querySelector("input:not([type=hidden], [type=radio]), textarea") : to;
    if (!field.matches("input, textarea")) return field.click();
    field.focus();
    field.select();
  }

  // The current row is the one with the focus on its link: Enter opens it.
  #move(row, step) {
    const rows = [...document.querySelectorAll(needed.row)].filter((r) => r.checkVisibility());
    const next = row ? rows[rows.indexOf(row) + step] : rows.at(step > 0 ? 0 : -1);
    next?.querySelector("a").focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  #show() {
    find("dialog[open]")?.close();
    const sheet = this.querySelector("dl");
    for (const made of sheet.querySelectorAll("[data-made]")) made.remove();
    for (const row of sheet.children) row.hidden = !find(needed[row.dataset.needs]);
    const off = this.dataset.off !== undefined;
    for (const [key, to] of off ? [] : this.targets()) {
      const row = document.createElement("div");
      const [keys, what] = ["dt", "dd"].map((name) => row.appendChild(document.createElement(name)));
      for (const k of key.split(" ")) keys.append(Object.assign(document.createElement("kbd"), { textContent: k }), " ");
      what.textContent = to.ariaLabel ?? to.querySelector("span:not([aria-hidden])")?.textContent ?? to.textContent;
      row.dataset.made = "";
      sheet.append(row);
    }
    this.querySelector("dialog").showModal();
  }
});
