// <crm-guard> asks before a form is left in which something was written, keeps that on this device, and offers it back.
const week = 7 * 24 * 3600e3;
const picked = "[type=checkbox], [type=radio]";
const typed = "input:not([type=hidden], [type=checkbox], [type=radio], [type=password], [type=file], [type=submit]), textarea, select";

const fieldsOf = (form) => [...form.elements].filter((e) => e.name && e.matches(`${typed}, ${picked}`));
const nameOf = (e) => e.matches(picked) ? `${e.name}=${e.value}` : e.name;
const valueOf = (e) => e.matches(picked) ? e.checked : e.value;
const isGuarded = (form) => form?.matches?.('main form[method="post"]:not(#selection)') &&
  (form.querySelector("textarea") || [...form.elements].filter((e) => e.matches(typed)).length > 2);

// A refused form holds what was typed as if the server had said so: all of it is unsaved.
const isChanged = (e) => e.form.querySelector(".summary") || (e.matches(picked) ? e.checked !== e.defaultChecked
  : e.matches("select") ? e.selectedIndex !== Math.max(0, [...e.options].findIndex((o) => o.defaultSelected)) : e.value !== e.defaultValue);
const guarded = () => [...document.forms].filter(isGuarded);
const unsaved = (form) => fieldsOf(form).filter(isChanged);

customElements.define("crm-guard", class extends HTMLElement {
  #pass = false; // leaving was agreed to

  connectedCallback() {
    const on = (type, act) => document.addEventListener(type, act);
    for (const type of ["input", "change"]) on(type, ({ target }) => isGuarded(target.form) && this.#keep(target.form));
    on("htmx:before:request", (event) => this.#leave(event));
    on("htmx:before:response", ({ detail: { ctx } }) => { this.#pass ||= ctx.response.headers.has("HX-Redirect"); });
    on("htmx:after:request", ({ detail: { ctx } }) => {
      if (ctx.response.status < 400 && isGuarded(ctx.sourceElement)) localStorage.removeItem(this.#key(ctx.sourceElement));
    });
    on("htmx:after:swap", () => this.#offer());
    on("submit", ({ target }) => this.#sent(target));
    addEventListener("beforeunload", (event) => !this.#pass && guarded().some((f) => unsaved(f).length) && event.preventDefault());
    window.navigation?.addEventListener("navigate", (event) => {
      if (event.navigationType !== "traverse" || !event.cancelable || this.#pass || event.hashChange || !guarded().some((f) => unsaved(f).length)) return;
      event.preventDefault();
      this.#ask(() => navigation.traverseTo(event.destination.key));
    });
    this.#offer();
  }

  #key(form) { return `draft ${this.dataset.user} ${new URL(form.getAttribute("action"), location).pathname}`; }

  #keep(form) {
    const fields = unsaved(form);
    if (!fields.length) return localStorage.removeItem(this.#key(form));
    const draft = { at: Date.now(), values: Object.fromEntries(fields.map((e) => [nameOf(e), valueOf(e)])) };
    try { localStorage.setItem(this.#key(form), JSON.stringify(draft)); } catch { /* the disk is full: the form is there */ }
  }

  // A form that the browser sends leaves the page; who signs out leaves nothing behind.
  #sent(form) {
    if (!form.closest('[hx-boost="false"]')) return;
    this.#pass = true;
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("draft ") && (form.getAttribute("action").endsWith("/logout") || key === this.#key(form))) localStorage.removeItem(key);
    }
  }

  #leave(event) {
    const { sourceElement: from, target, request } = event.detail.ctx;
    const lost = guarded().some((form) => form !== from && target?.contains(form) && unsaved(form).length);
    if (this.#pass || !lost || from === document.body) return;
    event.preventDefault();
    this.#ask(() => from.matches("form") ? from.requestSubmit(request.submitter) : from.click());
  }

  #ask(go) {
    const dialog = this.querySelector("dialog");
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "leave") return;
      this.#pass = true;
      go();
    };
    dialog.showModal();
  }

  #offer() {
    this.#pass = false;
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("draft ") && !(JSON.parse(localStorage.getItem(key)).at > Date.now() - week)) localStorage.removeItem(key);
    }
    for (const form of guarded()) {
      const draft = JSON.parse(localStorage.getItem(this.#key(form)));
      const fields = fieldsOf(form).filter((e) => draft && nameOf(e) in draft.values);
      if (form.querySelector(".draft") || fields.every((e) => valueOf(e) === draft.values[nameOf(e)])) continue;
      const notice = this.querySelector("template").content.firstElementChild.cloneNode(true);
      const at = new Date(draft.at);
      const day = at.toDateString() === new Date().toDateString() ? {} : { day: "numeric", month: "short" };
      notice.querySelector("time").textContent = at.toLocaleString(document.documentElement.lang, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      notice.addEventListener("click", ({ target }) => {
        if (!target.matches("button")) return;
        notice.remove();
        if (target.matches("[data-discard]")) localStorage.removeItem(this.#key(form));
        else for (const e of fields) {
          e[e.matches(picked) ? "checked" : "value"] = draft.values[nameOf(e)];
          e.closest("details")?.toggleAttribute("open", true);
          e.dispatchEvent(new Event("change", { bubbles: true }));
        }
        form.querySelector("input:not([type=hidden], [type=radio]), textarea")?.focus();
      });
      form.prepend(notice);
    }
  }
});
