// <crm-combobox> is made around a choice of more than twelve: it is found by typing. The choice itself stays, unseen: it
// is what is sent, and what others change.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

customElements.define("crm-combobox", class extends HTMLElement {
  connectedCallback() {
    const select = this.previousElementSibling;
    if (this.box || !select) return;
    this.box = document.createElement("input");
    this.box.id = select.id || select.name;
    for (const name of ["aria-label", "aria-describedby", "aria-invalid", "class"]) {
      if (select.hasAttribute(name)) this.box.setAttribute(name, select.getAttribute(name));
    }
    Object.assign(this.box, { role: "combobox", autocomplete: "off", ariaExpanded: "false", ariaAutoComplete: "list", autofocus: select.autofocus });
    Object.assign(this, { select, role: "listbox", ariaLabel: select.labels[0]?.innerText ?? select.ariaLabel, id: `${this.box.id}-options`, hidden: true });
    this.box.setAttribute("aria-controls", this.id);
    select.removeAttribute("id");
    select.after(this.box);
    if (document.activeElement === select) this.box.focus();
    select.hidden = true;
    this.parentElement.setAttribute("hx-morph-skip", "");
    const say = () => { this.box.value = select.selectedOptions[0]?.label.trim() ?? ""; };
    const close = () => { say(); this.#list(); };
    select.addEventListener("change", close);
    this.box.addEventListener("blur", close);
    this.box.addEventListener("focus", () => this.box.select());
    this.box.addEventListener("click", () => this.#list(""));
    this.box.addEventListener("input", () => this.#list(this.box.value));
    this.box.addEventListener("keydown", (event) => this.#key(event, close));
    this.box.addEventListener("keypress", (event) => { if (this.took) event.preventDefault(); }); // a key that chose does not send the form, too
    this.addEventListener("mousedown", (event) => { event.preventDefault(); this.#pick(event.target.closest("[role=option]")); });
    say();
    if (document.activeElement === this.box) this.box.select();
  }

  #key(event, close) {
    const options = [...this.children];
    const at = options.findIndex((o) => o.ariaSelected);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    this.took = !event.isComposing && (step || !this.hidden && (event.key === "Enter" || event.key === "Escape"));
    if (!this.took) return;
    event.preventDefault();
    if (event.key === "Escape") close();
    else if (event.key === "Enter") this.#pick(options[at]);
    else if (this.hidden) this.#list("");
    else this.#mark(options.at((at + step) % options.length));
  }

  #pick(option) {
    if (!option) return;
    this.select.value = option.dataset.value;
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // list opens with the choices that hold a text, or closes.
  #list(text) {
    const found = text === undefined ? [] : [...this.select.options].filter((o) => plain(o.label).includes(plain(text)));
    this.replaceChildren(...found.map((o, i) => Object.assign(document.createElement("div"), { role: "option", id: `${this.id}-${i}`, textContent: o.label })));
    found.forEach((o, i) => { this.children[i].dataset.value = o.value; });
    this.hidden = !found.length;
    this.box.ariaExpanded = String(!this.hidden);
    this.toggleAttribute("data-up", innerHeight - this.box.getBoundingClientRect().bottom < 280);
    this.#mark(text ? this.children[0] : this.children[found.findIndex((o) => o.selected)]);
  }

  #mark(option) {
    for (const other of this.children) other.ariaSelected = other === option || null;
    this.box.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.scrollIntoView({ block: "nearest" });
  }
});

const upgrade = () => {
  for (const select of document.querySelectorAll("main select:not([multiple], [hidden])")) {
    if (select.options.length > 12) select.after(document.createElement("crm-combobox"));
  }
};
document.addEventListener("htmx:after:swap", upgrade);
upgrade();
