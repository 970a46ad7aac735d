// <crm-palette> finds a record, or does what a link of the page does, by typing: Ctrl/⌘+K.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const words = (el) => (el?.ariaLabel ?? (el?.querySelector("span:not(.sr, [aria-hidden])") ?? el)?.textContent ?? "").trim().replace(/\s+/g, " ");
const make = (tag, has) => Object.assign(document.createElement(tag), has);

customElements.define("crm-palette", class extends HTMLElement {
  #asked;
  #wait;

  connectedCallback() {
    [this.dialog, this.box, this.list] = ["dialog", "input", "[role=listbox]"].map((s) => this.querySelector(s));
    document.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) this.#open();
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest('[data-key="Ctrl K"], [data-finds]')) return;
      event.preventDefault();
      event.stopPropagation();
      this.#open();
    }, true);
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.#stop());
    this.list.addEventListener("click", (event) => this.#choose(event));
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("input", () => {
      this.#stop();
      this.#show([]);
      this.#wait = setTimeout(() => this.#search(), 120);
    });
  }

  #open() {
    this.box.value = "";
    this.#show([]);
    this.dialog.showModal();
  }

  #stop() {
    clearTimeout(this.#wait);
    this.#asked?.abort();
  }

  #key(event) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    const at = options.findIndex((o) => o.ariaSelected === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing || !step && event.key !== "Enter") return;
    event.preventDefault();
    if (step) this.#mark(options.at((at + step) % options.length));
    else options[at]?.click();
  }

  #choose(event) {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    this.dialog.close();
    if (!document.querySelector("dialog[open]")) document.activeElement.blur(); // where it leads takes the focus
    option.does?.click();
  }

  // What can be done is what links and buttons of the page do, those with keys first.
  #commands(query) {
    const seen = new Set();
    return [...document.querySelector("crm-keys").targets().values(), ...document.querySelectorAll("[data-command], .bottom .nav")]
      .filter((el) => {
        const name = words(el);
        const fits = el.matches("a, button:not([data-key])") && plain(query).split(" ").every((word) => plain(name).includes(word));
        return fits && !seen.has(name) && seen.add(name);
      })
      .map((does) => this.#option("div", words(does), does.dataset.key, { does }));
  }

  async #search() {
    const query = this.box.value.trim();
    if (!query) return;
    const { signal } = this.#asked = new AbortController();
    const answer = await fetch(this.#address(), { signal, headers: { "HX-Request": "true" } }).then((a) => a.text()).catch(() => "");
    if (signal.aborted) return;
    this.#show([...new DOMParser().parseFromString(answer, "text/html").querySelectorAll("section.group")].map((group) => [
      words(group.querySelector("h2")),
      [...group.querySelectorAll("a.strong")].map((a) => this.#option("a", words(a), words(a.parentElement.querySelector("small")), { href: a.getAttribute("href") })),
    ]));
  }

  #address() { return `${this.dataset.search}?q=${encodeURIComponent(this.box.value.trim())}`; }

  #option(tag, name, detail = "", has) {
    const option = make(tag, { role: "option", tabIndex: -1, ...has });
    option.append(make("span", { textContent: name }), make("small", { textContent: detail }));
    return option;
  }

  // Records come first, then what can be done, then the page that finds more.
  #show(records) {
    const query = this.box.value.trim();
    const more = query ? [this.#option("a", this.dataset.everything.replace("%", () => query), "", { href: this.#address() })] : [];
    const groups = [...records, [this.dataset.commands, this.#commands(query)], ["", more]].filter(([, options]) => options.length);
    this.list.replaceChildren(...groups.map(([ariaLabel, options]) => {
      const group = make("div", { role: "group", ariaLabel });
      group.append(...options);
      return group;
    }));
    const options = this.list.querySelectorAll("[role=option]");
    options.forEach((option, i) => { option.id = `palette-${i}`; });
    htmx.process(this.list);
    this.querySelector("[role=status]").textContent = this.dataset.count.replace("%", options.length);
    this.#mark(options[0]);
  }

  #mark(option) {
    const marked = this.list.querySelector("[aria-selected]");
    if (marked) marked.ariaSelected = null;
    this.box.setAttribute("aria-activedescendant", option?.id ?? "");
    if (!option) return;
    option.ariaSelected = "true";
    option.scrollIntoView({ block: "nearest" });
  }
});
